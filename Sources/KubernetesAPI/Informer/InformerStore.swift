/// What an informer knows: the objects, as of one version.
struct InformerStore<R: KubernetesResource> {
    private(set) var objects: [ObjectKey: R] = [:]

    /// Takes a whole list; what is not in it is gone.
    ///
    /// - Returns: The changes against what was known.
    mutating func replaceAll(with items: [R]) -> [InformerEvent<R>] {
        var events: [InformerEvent<R>] = []
        var gone = objects
        for item in items {
            gone[item.key] = nil
            events += set(item)
        }
        for (key, object) in gone {
            objects[key] = nil
            events.append(.deleted(object))
        }
        return events
    }

    /// Takes a change that a watch told of.
    mutating func apply(_ event: WatchEvent<R>) -> [InformerEvent<R>] {
        switch event {
        case .added(let object), .modified(let object): return set(object)
        case .deleted(let object):
            // The event has the object's last state; the known one can be older.
            guard objects.removeValue(forKey: object.key) != nil else { return [] }
            return [.deleted(object)]
        case .bookmark: return []
        case .unreadable(let key, _):
            return objects.removeValue(forKey: key).map { [.deleted($0)] } ?? []
        }
    }

    private mutating func set(_ object: R) -> [InformerEvent<R>] {
        guard let old = objects.updateValue(object, forKey: object.key) else { return [.added(object)] }
        // Another uid under the same name is another object: whoever follows the first must hear of its end.
        if old.metadata.uid != object.metadata.uid { return [.deleted(old), .added(object)] }
        if let version = object.metadata.resourceVersion, version == old.metadata.resourceVersion { return [] }
        return [.updated(old: old, new: object)]
    }
}
