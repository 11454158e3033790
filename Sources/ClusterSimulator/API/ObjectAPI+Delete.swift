import WireFormats

/// The options of a deletion, from the body or the query.
struct DeleteOptions: Sendable {
    var gracePeriodSeconds: Int?
    /// `Background`, `Foreground` or `Orphan`.
    var propagationPolicy: String?
    var uid: String?
    var resourceVersion: String?
    var isDryRun = false

    init() {}

    init(body: JSONValue, query: QueryParameters) throws(APIStatusError) {
        gracePeriodSeconds = body["gracePeriodSeconds"]?.integer ?? query.integer("gracePeriodSeconds")
        propagationPolicy = body["propagationPolicy"]?.string ?? query["propagationPolicy"]
        if let orphans = body["orphanDependents"]?.bool, propagationPolicy == nil {
            propagationPolicy = orphans ? "Orphan" : "Background"
        }
        uid = body[path: "preconditions", "uid"]?.string
        resourceVersion = body[path: "preconditions", "resourceVersion"]?.string
        isDryRun = !(body["dryRun"]?.array ?? []).isEmpty || query["dryRun"] != nil
        if let policy = propagationPolicy, !["Background", "Foreground", "Orphan"].contains(policy) {
            throw .invalid(
                kind: "DeleteOptions",
                group: "meta.k8s.io",
                name: "",
                [.notSupported("propagationPolicy", .string(policy), ["Foreground", "Background", "Orphan", "nil"])]
            )
        }
    }
}

extension ObjectAPI {
    struct DeleteResult: Sendable {
        var object: StoredObject
        /// False while finalizers or the grace period keep the object.
        var isGone: Bool
    }

    func delete(
        _ definition: ResourceDefinition,
        _ key: ObjectKey,
        _ options: DeleteOptions = DeleteOptions()
    ) throws(APIStatusError) -> DeleteResult {
        while true {
            let old = try get(definition, key)
            try checkPreconditions(definition, old, options)
            if options.isDryRun { return DeleteResult(object: old, isGone: true) }
            let marked = Self.marked(definition, old.json, options, now: .now())
            do throws(ObjectStore.Failure) {
                guard let marked else {
                    let object = try store.remove(
                        definition.resource,
                        key,
                        expecting: old.resourceVersion,
                        isAcknowledged: isAcknowledging
                    )
                    didRemove(definition, key)
                    return DeleteResult(object: object, isGone: true)
                }
                if marked == old.json { return DeleteResult(object: old, isGone: false) }
                let object = try store.replace(
                    definition.resource,
                    key,
                    expecting: old.resourceVersion,
                    with: marked,
                    isAcknowledged: isAcknowledging
                )
                return DeleteResult(object: object, isGone: false)
            } catch {
                if case .notSaved(let why) = error { throw .notSaved(why) }
                if error == .missing { throw .notFound(definition.resource, key.name) }
            }
        }
    }

    private func checkPreconditions(
        _ definition: ResourceDefinition,
        _ object: StoredObject,
        _ options: DeleteOptions
    ) throws(APIStatusError) {
        if let uid = options.uid, uid != object.uid {
            throw .conflict(
                definition.resource,
                object.key.name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(object.uid)"
            )
        }
        if let version = options.resourceVersion, version != String(object.resourceVersion) {
            throw .conflict(
                definition.resource,
                object.key.name,
                "Precondition failed: ResourceVersion in precondition: \(version), ResourceVersion in object meta: \(object.resourceVersion)"
            )
        }
    }

    /// The object marked as being deleted, or nil when nothing keeps it.
    private static func marked(
        _ definition: ResourceDefinition,
        _ json: JSONValue,
        _ options: DeleteOptions,
        now: Timestamp
    ) -> JSONValue? {
        var json = json
        let metadata = json["metadata"] ?? [:]
        let grace = gracePeriod(definition, json, options)
        var finalizers = (metadata["finalizers"]?.array ?? []).compactMap(\.string)
        switch options.propagationPolicy {
        case "Foreground": addFinalizer("foregroundDeletion", removing: "orphan", &finalizers)
        case "Orphan": addFinalizer("orphan", removing: "foregroundDeletion", &finalizers)
        case "Background": finalizers.removeAll { $0 == "orphan" || $0 == "foregroundDeletion" }
        default: break
        }
        if finalizers.isEmpty, grace == 0, definition.resource != .namespaces { return nil }
        let wasDeleting = metadata["deletionTimestamp"] != nil
        let previousGrace = metadata["deletionGracePeriodSeconds"]?.integer ?? .max
        json.update("metadata") { metadata in
            metadata["finalizers"] = .array(finalizers.map { .string($0) })
            if finalizers.isEmpty { metadata.removeMember("finalizers") }
            guard !wasDeleting || grace < previousGrace else { return }
            let generation = metadata["generation"]?.integer
            metadata["deletionTimestamp"] = .string((now + .seconds(grace)).rfc3339Seconds)
            metadata["deletionGracePeriodSeconds"] = .integer(Int64(grace))
            if let generation, !wasDeleting { metadata["generation"] = .integer(Int64(generation + 1)) }
        }
        if definition.resource == .namespaces { json["status"] = ["phase": "Terminating"] }
        return json
    }

    private static func addFinalizer(_ name: String, removing other: String, _ finalizers: inout [String]) {
        finalizers.removeAll { $0 == other }
        if !finalizers.contains(name) { finalizers.append(name) }
    }

    /// Only Pods that run on a node are deleted gracefully.
    private static func gracePeriod(
        _ definition: ResourceDefinition,
        _ json: JSONValue,
        _ options: DeleteOptions
    ) -> Int {
        guard definition.resource == .pods else { return 0 }
        let phase = json[path: "status", "phase"]?.string ?? ""
        if (json[path: "spec", "nodeName"]?.string ?? "").isEmpty || phase == "Succeeded" || phase == "Failed" {
            return 0
        }
        let standard = json[path: "spec", "terminationGracePeriodSeconds"]?.integer ?? 30
        return max(0, options.gracePeriodSeconds ?? standard)
    }

    /// Follows up on the removal of a definition: its resources go with it.
    func didRemove(_ definition: ResourceDefinition, _ key: ObjectKey) {
        guard definition.resource == .customResourceDefinitions else { return }
        let parts = key.name.split(separator: ".", maxSplits: 1)
        if parts.count == 2 {
            let resource = GroupResource(group: String(parts[1]), resource: String(parts[0]))
            for object in store.list(resource, namespace: nil).objects {
                _ = try? store.remove(resource, object.key, expecting: object.resourceVersion)
            }
        }
        registry.uninstall(key.name)
    }
}
