import WireFormats

extension APIServer {
    private struct Selection {
        var labels = LabelSelector()
        var fields = FieldSelector()

        init(_ request: APIRequest, _ definition: ResourceDefinition) throws(APIStatusError) {
            if let text = request.query["labelSelector"] {
                guard let selector = LabelSelector(parsing: text) else {
                    throw .badRequest("unable to parse requirement: \(text)")
                }
                labels = selector
            }
            if let text = request.query["fieldSelector"] {
                fields = try FieldSelector(
                    parsing: text,
                    resource: definition.resource,
                    extraFields: definition.custom?.selectableFields ?? []
                )
            }
        }

        func matches(_ object: StoredObject) -> Bool {
            (labels.isEmpty || labels.matches(object.metadata["labels"]?.object))
                && (fields.isEmpty || fields.matches(object.json))
        }
    }

    // MARK: Lists

    func list(
        _ request: APIRequest,
        _ target: RequestTarget,
        _ definition: ResourceDefinition
    ) throws(APIStatusError) -> APIResponse {
        let selection = try Selection(request, definition)
        if let wanted = request.query["resourceVersion"].flatMap(UInt64.init), wanted > store.revision {
            throw .tooLargeResourceVersion(wanted, current: store.revision)
        }
        let position = try request.query["continue"].map { text throws(APIStatusError) in
            try ContinueToken(parsing: text)
        }
        if let position, position.revision < store.compactedRevision {
            throw APIStatusError(
                code: 410,
                reason: "Expired",
                message:
                    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
            )
        }
        let limit = request.query.integer("limit").flatMap { $0 > 0 ? $0 : nil } ?? .max
        let page = page(target, definition, selection, after: position?.last, limit: limit)
        let revision = position?.revision ?? page.revision
        let next =
            page.remaining > 0
            ? page.objects.last.map { ContinueToken(revision: revision, last: $0.key).text } : nil
        var metadata: JSONValue = ["resourceVersion": .string(String(revision))]
        if let next {
            metadata["continue"] = .string(next)
            if selection.labels.isEmpty, selection.fields.isEmpty {
                metadata["remainingItemCount"] = .integer(Int64(page.remaining))
            }
        }
        return render(page.objects, definition, metadata, request)
    }

    /// A page of the objects that are selected; with selectors `remaining` is only known to be zero or not.
    private func page(
        _ target: RequestTarget,
        _ definition: ResourceDefinition,
        _ selection: Selection,
        after last: ObjectKey?,
        limit: Int
    ) -> ObjectStore.Listing {
        let resource = definition.resource
        if selection.labels.isEmpty, selection.fields.isEmpty {
            return store.list(resource, namespace: target.namespace, after: last, limit: limit)
        }
        if let name = selection.fields.exactName,
            let namespace = target.namespace ?? (definition.isNamespaced ? nil : "")
        {
            let revision = store.revision
            let object = store.get(resource, ObjectKey(namespace: namespace, name: name))
            let found = object.map { selection.matches($0) ? [$0] : [] } ?? []
            return ObjectStore.Listing(objects: found, revision: revision, remaining: 0)
        }
        var listing = store.list(resource, namespace: target.namespace, after: last)
        let matching = listing.objects.filter(selection.matches)
        listing.objects = Array(matching.prefix(limit))
        listing.remaining = matching.count - listing.objects.count
        return listing
    }

    private func render(
        _ objects: [StoredObject],
        _ definition: ResourceDefinition,
        _ metadata: JSONValue,
        _ request: APIRequest
    ) -> APIResponse {
        switch request.representation {
        case .table(let include):
            return .json(
                TableRendering.table(
                    objects.map(\.json),
                    columns: definition.columns,
                    listMetadata: metadata,
                    include: include,
                    now: .now()
                )
            )
        case .partialMetadata:
            return .json([
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "items": .array(objects.map { TableRendering.partialMetadata($0.json) }),
            ])
        case .object:
            let head = "{\"kind\":\"\(definition.listKind)\",\"apiVersion\":\"\(definition.apiVersion)\",\"metadata\":"
            var bytes = Array(head.utf8) + metadata.serialized() + Array(",\"items\":[".utf8)
            for (index, object) in objects.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes += ObjectRendering.bytes(object, definition)
            }
            bytes += Array("]}\n".utf8)
            return .body(status: 200, bytes, contentType: "application/json", headers: [])
        }
    }

    // MARK: Watches

    func watch(
        _ request: APIRequest,
        _ target: RequestTarget,
        _ definition: ResourceDefinition
    ) throws(APIStatusError) -> APIResponse {
        var selection = try Selection(request, definition)
        if let name = target.name {
            selection.fields.terms.append(
                FieldSelector.Term(path: ["metadata", "name"], isNegated: false, value: name)
            )
        }
        var start: UInt64?
        if let text = request.query["resourceVersion"], text != "0" {
            guard let revision = UInt64(text) else {
                throw .badRequest(
                    "invalid resource version \"\(text)\": strconv.ParseUint: parsing \"\(text)\": invalid syntax"
                )
            }
            start = revision
        }
        let sendsInitial = request.query.flag("sendInitialEvents")
        let seconds = request.query.integer("timeoutSeconds").map { max(1, $0) } ?? Int.random(in: 1_800...3_600)
        return .watch(
            WatchStream(
                definition: definition,
                namespace: target.namespace,
                labels: selection.labels,
                fields: selection.fields,
                resourceVersion: sendsInitial ? nil : start,
                sendsBookmarks: request.query.flag("allowWatchBookmarks"),
                marksInitialEnd: sendsInitial,
                timeout: .seconds(seconds),
                bookmarkInterval: bookmarkInterval,
                representation: request.representation,
                store: store
            )
        )
    }
}

/// Where the next page of a list starts.
struct ContinueToken: Sendable, Equatable {
    var revision: UInt64
    var last: ObjectKey

    init(revision: UInt64, last: ObjectKey) {
        self.revision = revision
        self.last = last
    }

    /// Reads the text form.
    ///
    /// - Throws: `400` for a text this server did not make.
    init(parsing text: String) throws(APIStatusError) {
        guard let bytes = Base64.decodeURL(text), let json = try? JSONValue(parsing: bytes),
            let revision = json["rv"]?.integer, let namespace = json["namespace"]?.string,
            let name = json["name"]?.string
        else { throw .badRequest("continue key is not valid") }
        self.revision = UInt64(clamping: revision)
        last = ObjectKey(namespace: namespace, name: name)
    }

    var text: String {
        let json: JSONValue = [
            "rv": .integer(Int64(clamping: revision)), "namespace": .string(last.namespace), "name": .string(last.name),
        ]
        return Base64.encodeURL(json.serialized())
    }
}

extension ObjectKey {
    static func <= (left: ObjectKey, right: ObjectKey) -> Bool { !(right < left) }
}
