import WireFormats

/// What the files of a journal say, while they are read, and the form of what stands in them.
struct JournalContents {
    var objects: [GroupResource: [ObjectKey: JSONValue]] = [:]
    var revision: UInt64 = 0
    /// The revisions at which Secrets were deleted: a kill may have left their files.
    private(set) var deletedSecrets: [ObjectKey: UInt64] = [:]

    /// Applies one change, or one object of a snapshot.
    mutating func apply(_ entry: JSONValue) {
        guard let object = entry["object"], let name = object[path: "metadata", "name"]?.string else { return }
        let resource = GroupResource(
            group: entry["group"]?.string ?? "",
            resource: entry["resource"]?.string ?? ""
        )
        let key = ObjectKey(namespace: object[path: "metadata", "namespace"]?.string ?? "", name: name)
        let at = UInt64(clamping: entry["revision"]?.integer ?? 0)
        revision = max(revision, at)
        let isGone = entry["isGone"]?.bool ?? false
        objects[resource, default: [:]][key] = isGone ? .none : .some(object)
        if isGone, resource == .secrets { deletedSecrets[key] = at }
    }

    /// A change as a line of a log. A deletion names the object and holds nothing of it.
    static func line(_ event: StoreEvent) -> [UInt8] {
        guard event.kind == .deleted else {
            var head = JSONObject()
            head["revision"] = .integer(Int64(clamping: event.revision))
            head["group"] = .string(event.resource.group)
            head["resource"] = .string(event.resource.resource)
            // The object's text is there already, for those who watch it.
            return JSONValue.object(head).serialized().dropLast() + Array(",\"object\":".utf8) + event.object.encoded
                + Array("}\n".utf8)
        }
        let metadata = event.object.metadata
        var entry: JSONValue = [
            "group": .string(event.resource.group), "resource": .string(event.resource.resource), "isGone": true,
            "object": ["metadata": ["name": metadata["name"] ?? "", "namespace": metadata["namespace"] ?? ""]],
        ]
        entry["revision"] = .integer(Int64(clamping: event.revision))
        return entry.serialized() + Array("\n".utf8)
    }

    /// An object of a snapshot.
    static func entry(_ resource: GroupResource, _ object: JSONValue) -> JSONValue {
        ["group": .string(resource.group), "resource": .string(resource.resource), "object": object]
    }
}
