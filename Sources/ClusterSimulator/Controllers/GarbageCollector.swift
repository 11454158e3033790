import WireFormats

/// Deletes what its owners leave behind, and finishes foreground and orphaning deletions.
///
/// An owner is looked up in the dependent's own namespace, so that a reference across namespaces counts as an absent
/// owner and the dependent is deleted, as on a real cluster.
final class GarbageCollector {
    private struct Reference: Hashable {
        var resource: GroupResource
        var key: ObjectKey
    }

    private enum OwnerState {
        case present
        case deletingForeground
        case absent
        /// Its kind is not served; nothing is concluded.
        case unknown
    }

    private let objects: ObjectAPI
    private var dependents: [String: Set<Reference>] = [:]

    init(objects: ObjectAPI) {
        self.objects = objects
    }

    func handle(_ event: StoreEvent) {
        let reference = Reference(resource: event.resource, key: event.object.key)
        let before = Self.ownerIDs(event.previous)
        let after = event.kind == .deleted ? [] : Self.ownerIDs(event.object)
        for uid in before.subtracting(after) { removeDependent(reference, of: uid) }
        for uid in after.subtracting(before) { dependents[uid, default: []].insert(reference) }
        if event.kind == .deleted {
            ownerIsGone(event.object.uid)
            for uid in before { continueDeletion(ofOwner: uid, event.previous) }
            return
        }
        if !after.subtracting(before).isEmpty { check(reference) }
        if event.object.isDeleting { continueDeletion(of: event.object, event.resource) }
    }

    private static func owners(_ object: StoredObject) -> [JSONValue] {
        object.metadata["ownerReferences"]?.array ?? []
    }

    private static func ownerIDs(_ object: StoredObject?) -> Set<String> {
        guard let object else { return [] }
        return Set(owners(object).compactMap { $0["uid"]?.string })
    }

    private func removeDependent(_ reference: Reference, of uid: String) {
        dependents[uid]?.remove(reference)
        if dependents[uid]?.isEmpty == true { dependents[uid] = nil }
    }

    private func ownerIsGone(_ uid: String) {
        for reference in dependents[uid] ?? [] { check(reference) }
    }

    // MARK: Owners

    private func state(_ owner: JSONValue, namespace: String) -> OwnerState {
        let apiVersion = owner["apiVersion"]?.string ?? ""
        guard let definition = objects.registry.definition(apiVersion: apiVersion, kind: owner["kind"]?.string ?? "")
        else { return .unknown }
        let key = ObjectKey(
            namespace: definition.isNamespaced ? namespace : "",
            name: owner["name"]?.string ?? ""
        )
        guard let object = objects.store.get(definition.resource, key), object.uid == owner["uid"]?.string else {
            return .absent
        }
        let isWaiting = object.isDeleting && Self.finalizers(object).contains("foregroundDeletion")
        return isWaiting ? .deletingForeground : .present
    }

    /// Deletes the object when none of its owners stays, and drops references to those that are gone.
    private func check(_ reference: Reference) {
        guard let object = objects.store.get(reference.resource, reference.key),
            let definition = objects.registry.definition(reference.resource)
        else { return }
        let owners = Self.owners(object).map { ($0, state($0, namespace: reference.key.namespace)) }
        guard !owners.isEmpty, !owners.contains(where: { $0.1 == .unknown }) else { return }
        let stays = owners.contains { $0.1 == .present }
        if stays {
            guard owners.contains(where: { $0.1 == .absent }) else { return }
            objects.update(reference.resource, reference.key) { json in
                let kept = owners.filter { $0.1 != .absent }.map(\.0)
                json.update("metadata") { $0["ownerReferences"] = .array(kept) }
            }
            return
        }
        guard !object.isDeleting else { return }
        var options = DeleteOptions()
        options.uid = object.uid
        let finalizers = Self.finalizers(object)
        let isForeground =
            finalizers.contains("foregroundDeletion") || owners.contains { $0.1 == .deletingForeground }
        options.propagationPolicy =
            finalizers.contains("orphan")
            ? "Orphan" : isForeground && hasDependents(object) ? "Foreground" : "Background"
        _ = try? objects.delete(definition, reference.key, options)
    }

    private func hasDependents(_ object: StoredObject) -> Bool { dependents[object.uid]?.isEmpty == false }

    // MARK: Finalizers

    private static func finalizers(_ object: StoredObject) -> [String] {
        (object.metadata["finalizers"]?.array ?? []).compactMap(\.string)
    }

    /// A dependent went: its owner may have waited for that.
    private func continueDeletion(ofOwner uid: String, _ dependent: StoredObject?) {
        guard let dependent else { return }
        for owner in Self.owners(dependent) where owner["uid"]?.string == uid {
            let apiVersion = owner["apiVersion"]?.string ?? ""
            guard
                let definition = objects.registry.definition(
                    apiVersion: apiVersion,
                    kind: owner["kind"]?.string ?? ""
                )
            else { continue }
            let namespace = definition.isNamespaced ? dependent.key.namespace : ""
            let key = ObjectKey(namespace: namespace, name: owner["name"]?.string ?? "")
            guard let object = objects.store.get(definition.resource, key), object.isDeleting else { continue }
            continueDeletion(of: object, definition.resource)
        }
    }

    private func continueDeletion(of object: StoredObject, _ resource: GroupResource) {
        let finalizers = Self.finalizers(object)
        let references = dependents[object.uid] ?? []
        if finalizers.contains("orphan") {
            for reference in references {
                objects.update(reference.resource, reference.key) { json in
                    let owners = json[path: "metadata", "ownerReferences"]?.array ?? []
                    let kept = owners.filter { $0["uid"]?.string != object.uid }
                    json.update("metadata") { $0["ownerReferences"] = .array(kept) }
                }
            }
            remove("orphan", from: object, resource)
        } else if finalizers.contains("foregroundDeletion") {
            for reference in references { check(reference) }
            if !references.contains(where: { isBlocking($0, owner: object.uid) }) {
                remove("foregroundDeletion", from: object, resource)
            }
        }
    }

    private func isBlocking(_ reference: Reference, owner uid: String) -> Bool {
        guard let object = objects.store.get(reference.resource, reference.key) else { return false }
        return Self.owners(object).contains { $0["uid"]?.string == uid && $0["blockOwnerDeletion"]?.bool == true }
    }

    private func remove(_ finalizer: String, from object: StoredObject, _ resource: GroupResource) {
        guard let definition = objects.registry.definition(resource) else { return }
        _ = try? objects.mutate(definition, object.key, subresource: nil) { old throws(APIStatusError) in
            var json = old
            let finalizers = json[path: "metadata", "finalizers"]?.array ?? []
            let kept = finalizers.filter { $0.string != finalizer }
            json.update("metadata") { $0["finalizers"] = .array(kept) }
            return json
        }
    }
}
