import WireFormats

extension APIServer {
    private func options(_ request: APIRequest) throws(APIStatusError) -> ObjectAPI.WriteOptions {
        var options = ObjectAPI.WriteOptions()
        if let dryRun = request.query["dryRun"] {
            guard dryRun == "All" else {
                throw .invalid(
                    kind: "CreateOptions",
                    group: "meta.k8s.io",
                    name: "",
                    [.notSupported("dryRun", .string(dryRun), ["All"])]
                )
            }
            options.isDryRun = true
        }
        if let validation = request.query["fieldValidation"] { options.fieldValidation = validation }
        let agent = request.userAgent.split(separator: "/").first.map(String.init) ?? "unknown"
        options.fieldManager = request.query["fieldManager"] ?? agent
        return options
    }

    func create(
        _ request: APIRequest,
        _ target: RequestTarget,
        _ definition: ResourceDefinition,
        _ key: ObjectKey?
    ) throws(APIStatusError) -> APIResponse {
        if let key, let subresource = target.subresource {
            return try createSubresource(request, subresource, definition, key)
        }
        guard key == nil else { throw .methodNotAllowed(request.method) }
        let body = try request.json()
        let namespace = target.namespace ?? body[path: "metadata", "namespace"]?.string ?? "default"
        if definition.isNamespaced, target.namespace == nil {
            throw .badRequest("an empty namespace may not be set during creation")
        }
        let result = try objects.create(definition, namespace: namespace, body, options(request))
        return render(result.object, definition, request, status: 201, warnings: result.warnings)
    }

    /// Bindings and evictions of Pods.
    private func createSubresource(
        _ request: APIRequest,
        _ subresource: String,
        _ definition: ResourceDefinition,
        _ key: ObjectKey
    ) throws(APIStatusError) -> APIResponse {
        let body = try request.json()
        switch subresource {
        case "binding":
            let pod = try objects.get(definition, key)
            guard (pod.json[path: "spec", "nodeName"]?.string ?? "").isEmpty else {
                let node = pod.json[path: "spec", "nodeName"]?.string ?? ""
                throw .conflict(.pods, key.name, "pod \(key.name) is already assigned to node \"\(node)\"")
            }
            let node = body[path: "target", "name"]?.string ?? ""
            _ = Binding.bind(objects, key, to: node)
        case "eviction":
            let options = try DeleteOptions(body: body["deleteOptions"] ?? [:], query: request.query)
            _ = try objects.delete(definition, key, options)
        default: throw .methodNotAllowed(request.method)
        }
        return .json(
            ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201],
            status: 201
        )
    }

    func update(
        _ request: APIRequest,
        _ target: RequestTarget,
        _ definition: ResourceDefinition,
        _ key: ObjectKey
    ) throws(APIStatusError) -> APIResponse {
        let body = try request.json()
        if target.subresource == "finalize" {
            let object = try objects.get(definition, key)
            return render(object, definition, request, status: 200)
        }
        let result = try objects.replace(
            definition,
            key,
            subresource: target.subresource,
            with: body,
            options(request)
        )
        return render(result.object, definition, request, status: 200, warnings: result.warnings)
    }

    func patch(
        _ request: APIRequest,
        _ target: RequestTarget,
        _ definition: ResourceDefinition,
        _ key: ObjectKey
    ) throws(APIStatusError) -> APIResponse {
        let type = request.contentType.split(separator: ";").first.map { String($0.trimmed) } ?? ""
        guard let kind = PatchKind(rawValue: type) else {
            let all = [PatchKind.json, .merge, .strategic, .apply].map(\.rawValue).joined(separator: ", ")
            throw .unsupportedMediaType(type, accepted: all)
        }
        let options = try options(request)
        if kind == .apply, request.query["fieldManager"] == nil {
            throw .invalid(
                kind: "PatchOptions",
                group: "meta.k8s.io",
                name: "",
                [.required("fieldManager", "is required for apply patch")]
            )
        }
        let result = try objects.patch(
            definition,
            key,
            subresource: target.subresource,
            kind: kind,
            ObjectAPI.parsePatch(request.body, kind: kind),
            isForced: request.query.flag("force"),
            options
        )
        return render(
            result.object,
            definition,
            request,
            status: result.wasCreated ? 201 : 200,
            warnings: result.warnings
        )
    }

    func delete(
        _ request: APIRequest,
        _ definition: ResourceDefinition,
        _ key: ObjectKey
    ) throws(APIStatusError) -> APIResponse {
        let options = try DeleteOptions(body: request.json(), query: request.query)
        let result = try objects.delete(definition, key, options)
        if !result.isGone || definition.resource == .pods {
            return render(result.object, definition, request, status: 200)
        }
        var details: JSONValue = ["name": .string(key.name)]
        if !definition.group.isEmpty { details["group"] = .string(definition.group) }
        details["kind"] = .string(definition.plural)
        details["uid"] = .string(result.object.uid)
        return .json([
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details,
        ])
    }

    func deleteCollection(
        _ request: APIRequest,
        _ target: RequestTarget,
        _ definition: ResourceDefinition
    ) throws(APIStatusError) -> APIResponse {
        let options = try DeleteOptions(body: request.json(), query: request.query)
        var listing = request
        listing.accept = ""
        guard case .body(_, let bytes, _, _) = try list(listing, target, definition),
            let list = try? JSONValue(parsing: bytes)
        else { throw .unknownPath }
        for item in list["items"]?.array ?? [] {
            do throws(APIStatusError) {
                _ = try objects.delete(definition, definition.key(item["metadata"] ?? [:]), options)
            } catch {
                // One that is gone already is as it should be.
                if error.code != 404 { throw error }
            }
        }
        return .body(status: 200, bytes, contentType: "application/json", headers: [])
    }
}
