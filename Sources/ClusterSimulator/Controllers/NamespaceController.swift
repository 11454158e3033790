import WireFormats

/// Gives each namespace its default ServiceAccount and empties those that are being deleted.
final class NamespaceController {
    private let objects: ObjectAPI
    private var terminating: Set<String> = []

    init(objects: ObjectAPI) {
        self.objects = objects
    }

    func handle(_ event: StoreEvent) {
        let name = event.object.key.name
        if event.kind == .deleted {
            terminating.remove(name)
        } else if event.object.isDeleting {
            terminating.insert(name)
            empty(name)
        } else if event.kind == .added {
            // Pods without an account of their own are refused until it is there.
            _ = try? Bootstrap(objects: objects).create([
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": ["name": "default", "namespace": .string(name)],
            ])
        }
    }

    private func empty(_ name: String) {
        for (resource, key) in objects.store.keys(inNamespace: name) {
            guard let definition = objects.registry.definition(resource) else { continue }
            var options = DeleteOptions()
            options.propagationPolicy = "Background"
            _ = try? objects.delete(definition, key, options)
        }
    }

    /// Removes the namespaces that have become empty.
    func sweep() {
        for name in terminating {
            let left = objects.store.keys(inNamespace: name)
            if left.isEmpty {
                let key = ObjectKey(namespace: "", name: name)
                guard let object = objects.store.get(.namespaces, key) else { continue }
                _ = try? objects.store.remove(.namespaces, key, expecting: object.resourceVersion)
            } else if left.contains(where: { $0.0 == .events }) {
                // Events about the deletions themselves.
                for (resource, key) in left where resource == .events {
                    guard let object = objects.store.get(resource, key) else { continue }
                    _ = try? objects.store.remove(resource, key, expecting: object.resourceVersion)
                }
            }
        }
    }
}
