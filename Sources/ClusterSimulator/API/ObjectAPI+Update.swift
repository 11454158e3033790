import WireFormats

extension ObjectAPI {
    /// Replaces an object, or its status: `PUT`.
    func replace(
        _ definition: ResourceDefinition,
        _ key: ObjectKey,
        subresource: String?,
        with body: JSONValue,
        _ options: WriteOptions = WriteOptions()
    ) throws(APIStatusError) -> WriteResult {
        let new = try typed(definition, body)
        let version = new[path: "metadata", "resourceVersion"]?.string ?? ""
        if version.isEmpty, !definition.allowsUnconditionalUpdate, store.get(definition.resource, key) != nil {
            let fault = FieldError.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            throw definition.invalid(key.name, [fault])
        }
        return try mutate(definition, key, subresource: subresource, options) { _ throws(APIStatusError) in new }
    }

    /// Reads, changes and writes an object until no other writer came in between.
    ///
    /// A changed object that carries a resource version is only written over that revision.
    func mutate(
        _ definition: ResourceDefinition,
        _ key: ObjectKey,
        subresource: String?,
        _ options: WriteOptions = WriteOptions(),
        isApply: Bool = false,
        _ change: (JSONValue) throws(APIStatusError) -> JSONValue
    ) throws(APIStatusError) -> WriteResult {
        while true {
            let old = try get(definition, key)
            let served = try typed(definition, change(definition.view?.toServed(old.json) ?? old.json))
            let changed = definition.view?.toStored(served) ?? served
            let version = changed[path: "metadata", "resourceVersion"]?.string ?? ""
            if !version.isEmpty, version != String(old.resourceVersion) { throw .stale(definition.resource, key.name) }
            var warnings: [String] = []
            var new = try prepared(definition, changed, old.json, key, subresource, options, &warnings)
            if !isApply, new != old.json {
                ServerSideApply.recordUpdate(
                    old: old.json,
                    new: &new,
                    rules: ListRules(schema: definition.custom?.schema),
                    manager: options.fieldManager,
                    apiVersion: definition.apiVersion,
                    subresource: subresource,
                    now: .now()
                )
            }
            if new == old.json { return WriteResult(object: old, warnings: warnings) }
            if options.isDryRun {
                let object = StoredObject(key: key, json: new, resourceVersion: old.resourceVersion)
                return WriteResult(object: object, warnings: warnings)
            }
            do throws(ObjectStore.Failure) {
                let object = try write(definition, key, over: old, new)
                return WriteResult(object: object, warnings: warnings)
            } catch {
                if case .notSaved(let why) = error { throw .notSaved(why) }
                if error == .missing { throw .notFound(definition.resource, key.name) }
            }
        }
    }

    /// Writes the new revision, or removes the object when its last finalizer went while it is being deleted.
    private func write(
        _ definition: ResourceDefinition,
        _ key: ObjectKey,
        over old: StoredObject,
        _ new: JSONValue
    ) throws(ObjectStore.Failure) -> StoredObject {
        let metadata = new["metadata"] ?? [:]
        let isDeleted =
            metadata["deletionTimestamp"] != nil && (metadata["finalizers"]?.array ?? []).isEmpty
            && (metadata["deletionGracePeriodSeconds"]?.integer ?? 0) == 0 && definition.resource != .namespaces
        if isDeleted {
            let object = try store.remove(
                definition.resource,
                key,
                expecting: old.resourceVersion,
                final: new,
                isAcknowledged: isAcknowledging
            )
            didRemove(definition, key)
            return object
        }
        let object = try store.replace(
            definition.resource,
            key,
            expecting: old.resourceVersion,
            with: new,
            isAcknowledged: isAcknowledging
        )
        didWrite(definition, object)
        return object
    }

    private func prepared(
        _ definition: ResourceDefinition,
        _ changed: JSONValue,
        _ old: JSONValue,
        _ key: ObjectKey,
        _ subresource: String?,
        _ options: WriteOptions,
        _ warnings: inout [String]
    ) throws(APIStatusError) -> JSONValue {
        var new = changed
        if subresource == "status" {
            new = old
            new.setIfPresent("status", changed["status"])
            if changed["status"] == nil { new.removeMember("status") }
            new.update("metadata") { $0.setIfPresent("managedFields", changed[path: "metadata", "managedFields"]) }
            try checkIdentity(definition, changed["metadata"] ?? [:], old["metadata"] ?? [:], key)
        } else {
            let metadata = try protectedMetadata(definition, new["metadata"] ?? [:], old["metadata"] ?? [:], key)
            new["metadata"] = metadata
            if definition.hasStatus {
                if let status = old["status"] { new["status"] = status } else { new.removeMember("status") }
            }
        }
        warnings = try shape(definition, &new, options)
        try definition.hooks.prepareUpdate(&new, context())
        if definition.hasGeneration, subresource == nil, Self.specification(new) != Self.specification(old) {
            let generation = old[path: "metadata", "generation"]?.integer ?? 1
            new.update("metadata") { $0["generation"] = .integer(Int64(generation + 1)) }
        }
        try validate(definition, new, old: old)
        return new
    }

    /// Everything that counts for the generation: all but metadata and status.
    private static func specification(_ json: JSONValue) -> JSONValue {
        var json = json
        json.removeMember("metadata")
        json.removeMember("status")
        return json
    }

    private func checkIdentity(
        _ definition: ResourceDefinition,
        _ new: JSONValue,
        _ old: JSONValue,
        _ key: ObjectKey
    ) throws(APIStatusError) {
        if let name = new["name"]?.string, name != key.name {
            throw .badRequest("the name of the object (\(name)) does not match the name on the URL (\(key.name))")
        }
        if definition.isNamespaced, let namespace = new["namespace"]?.string, namespace != key.namespace {
            throw .badRequest(
                "the namespace of the object (\(namespace)) does not match the namespace on the URL (\(key.namespace))"
            )
        }
        if let uid = new["uid"]?.string, !uid.isEmpty, uid != old["uid"]?.string {
            throw .conflict(
                definition.resource,
                key.name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(old["uid"]?.string ?? "")"
            )
        }
    }

    /// The new metadata with what no client may change taken from the old.
    private func protectedMetadata(
        _ definition: ResourceDefinition,
        _ new: JSONValue,
        _ old: JSONValue,
        _ key: ObjectKey
    ) throws(APIStatusError) -> JSONValue {
        try checkIdentity(definition, new, old, key)
        var metadata = new
        metadata.setDefault("name", .string(key.name))
        for field in [
            "namespace", "uid", "creationTimestamp", "generation", "generateName", "deletionTimestamp",
            "deletionGracePeriodSeconds", "resourceVersion",
        ] {
            if let value = old[field] { metadata[field] = value } else { metadata.removeMember(field) }
        }
        if old["deletionTimestamp"] != nil {
            let known = Set((old["finalizers"]?.array ?? []).compactMap(\.string))
            let added = (metadata["finalizers"]?.array ?? []).compactMap(\.string).filter { !known.contains($0) }
            if !added.isEmpty {
                let list = added.map { "\"\($0)\"" }.joined(separator: ", ")
                let detail =
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{\(list)}"
                throw definition.invalid(key.name, [.forbidden("metadata.finalizers", detail)])
            }
        }
        for field in ["labels", "annotations", "finalizers", "ownerReferences"]
        where metadata[field]?.isEmptyCollection == true { metadata.removeMember(field) }
        return metadata
    }

    /// Changes the status without the checks made for clients: what the simulator's own controllers write.
    @discardableResult
    func updateStatus(
        _ resource: GroupResource,
        _ key: ObjectKey,
        _ change: (inout JSONValue) -> Void
    ) -> StoredObject? {
        update(resource, key) { $0.update("status", change) }
    }

    /// Changes an object without the checks made for clients; nil when it is gone.
    @discardableResult
    func update(_ resource: GroupResource, _ key: ObjectKey, _ change: (inout JSONValue) -> Void) -> StoredObject? {
        while let old = store.get(resource, key) {
            var json = old.json
            change(&json)
            if json == old.json { return old }
            do throws(ObjectStore.Failure) {
                return try store.replace(resource, key, expecting: old.resourceVersion, with: json)
            } catch {
                if error == .missing { return nil }
            }
        }
        return nil
    }
}
