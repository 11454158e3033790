import WireFormats

/// Which paths, groups, versions and resources are served, and their schemas.
struct Discovery: Sendable {
    let registry: ResourceRegistry

    /// The version that is reported.
    static let version: JSONValue = [
        "major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean", "buildDate": "2026-04-22T00:00:00Z", "goVersion": "go1.26.0", "compiler": "gc",
        "platform": "linux/amd64",
    ]

    /// The paths that need no token, as on a real cluster.
    static func isOpen(_ path: String) -> Bool {
        ["/healthz", "/readyz", "/livez", "/version"].contains(path) || path.hasPrefix("/readyz/")
            || path.hasPrefix("/livez/")
    }

    /// The answer for a path of discovery; nil for any other.
    func respond(to request: APIRequest) -> APIResponse? {
        guard request.method == "GET" || request.method == "HEAD" else { return nil }
        let path = request.path.count > 1 && request.path.last == "/" ? String(request.path.dropLast()) : request.path
        switch path {
        case "/healthz", "/readyz", "/livez": return .text("ok")
        case "/version": return .json(Self.version)
        case "/": return .json(["paths": .array(paths.map { .string($0) })])
        case "/api":
            if let answer = aggregated(request, isCore: true) { return answer }
            return .json([
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"]],
            ])
        case "/apis":
            if let answer = aggregated(request, isCore: false) { return answer }
            return .json(["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(groups.map(group))])
        case "/openapi/v2": return openAPIVersion2(request)
        case "/openapi/v3": return .json(OpenAPI(registry: registry).index(prefix: request.pathPrefix))
        default: break
        }
        let parts = path.split(separator: "/").map(String.init)
        if parts.count >= 3, parts[0] == "openapi", parts[1] == "v3" {
            return OpenAPI(registry: registry).document(path: parts.dropFirst(2).joined(separator: "/"))
                .map { .json($0) }
        }
        if parts.count == 2, parts[0] == "api" { return resourceList(group: "", version: parts[1]) }
        if parts.count == 2, parts[0] == "apis", groups.contains(parts[1]) { return .json(group(parts[1])) }
        if parts.count == 3, parts[0] == "apis" { return resourceList(group: parts[1], version: parts[2]) }
        return nil
    }

    private var groups: [String] {
        var seen: Set<String> = []
        return registry.groupVersions.map(\.group).filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    private var paths: [String] {
        let versions = registry.groupVersions.map {
            $0.group.isEmpty ? "/api/\($0.version)" : "/apis/\($0.group)/\($0.version)"
        }
        return ["/api", "/apis"] + versions + ["/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
    }

    private func group(_ name: String) -> JSONValue {
        let versions = registry.groupVersions.filter { $0.group == name }.map { version -> JSONValue in
            ["groupVersion": .string("\(name)/\(version.version)"), "version": .string(version.version)]
        }
        return [
            "kind": "APIGroup", "apiVersion": "v1", "name": .string(name), "versions": .array(versions),
            "preferredVersion": versions.first ?? [:],
        ]
    }

    private func resourceList(group: String, version: String) -> APIResponse? {
        let definitions = registry.all.filter { $0.group == group && $0.version == version }
        guard let first = definitions.first else { return nil }
        var resources: [JSONValue] = []
        for definition in definitions {
            var resource: JSONValue = [
                "name": .string(definition.plural), "singularName": .string(definition.singular),
                "namespaced": .bool(definition.isNamespaced), "kind": .string(definition.kind),
                "verbs": .array(definition.verbs.map { .string($0) }),
            ]
            if !definition.shortNames.isEmpty {
                resource["shortNames"] = .array(definition.shortNames.map { .string($0) })
            }
            if !definition.categories.isEmpty {
                resource["categories"] = .array(definition.categories.map { .string($0) })
            }
            resources.append(resource)
            guard definition.hasStatus else { continue }
            resources.append([
                "name": .string("\(definition.plural)/status"), "singularName": "",
                "namespaced": .bool(definition.isNamespaced), "kind": .string(definition.kind),
                "verbs": ["get", "patch", "update"],
            ])
        }
        return .json([
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(first.apiVersion),
            "resources": .array(resources),
        ])
    }

    /// Aggregated discovery: everything in one answer, for clients that ask for it.
    private func aggregated(_ request: APIRequest, isCore: Bool) -> APIResponse? {
        let kind = "as=APIGroupDiscoveryList"
        guard let wanted = request.accept.split(separator: ",").first(where: { $0.contains(kind) }),
            wanted.contains("v=v2"), wanted.contains("application/json")
        else { return nil }
        let version = wanted.contains("v=v2beta1") ? "v2beta1" : "v2"
        let names = isCore ? [""] : groups
        let items = names.map { name -> JSONValue in
            let versions = registry.groupVersions.filter { $0.group == name }.map { aggregated(name, $0.version) }
            return ["metadata": ["name": .string(name), "creationTimestamp": nil], "versions": .array(versions)]
        }
        let body: JSONValue = [
            "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:],
            "items": .array(items),
        ]
        let type = "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
        return .body(status: 200, body.serialized(), contentType: type, headers: [(name: "Vary", value: "Accept")])
    }

    private func aggregated(_ group: String, _ version: String) -> JSONValue {
        let resources = registry.all.filter { $0.group == group && $0.version == version }.map {
            definition -> JSONValue in
            let kind: JSONValue = [
                "group": .string(group), "version": .string(version), "kind": .string(definition.kind),
            ]
            let scope: JSONValue = definition.isNamespaced ? "Namespaced" : "Cluster"
            var resource: JSONValue = [
                "resource": .string(definition.plural), "responseKind": kind, "scope": scope,
                "singularResource": .string(definition.singular),
                "verbs": .array(definition.verbs.map { .string($0) }),
            ]
            if !definition.shortNames.isEmpty {
                resource["shortNames"] = .array(definition.shortNames.map { .string($0) })
            }
            if !definition.categories.isEmpty {
                resource["categories"] = .array(definition.categories.map { .string($0) })
            }
            if definition.hasStatus {
                resource["subresources"] = [
                    ["subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]]
                ]
            }
            return resource
        }
        return ["version": .string(version), "freshness": "Current", "resources": .array(resources)]
    }

    /// OpenAPI v2 is served as JSON only; kubectl wants protobuf there and falls back to v3.
    private func openAPIVersion2(_ request: APIRequest) -> APIResponse {
        if !request.accept.isEmpty, !request.accept.contains("json"), !request.accept.contains("*/*") {
            return .error(
                APIStatusError(
                    code: 406,
                    reason: "NotAcceptable",
                    message: "only the following media types are accepted: application/json"
                )
            )
        }
        return .json(OpenAPI(registry: registry).version2)
    }
}
