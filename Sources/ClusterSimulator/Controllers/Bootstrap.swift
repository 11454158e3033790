import WireFormats

/// What is in a cluster before anyone uses it.
struct Bootstrap {
    let objects: ObjectAPI

    func install(_ configuration: ClusterSimulator.Configuration) throws(APIStatusError) {
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            try create(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]])
            try create([
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": ["name": "default", "namespace": .string(name)],
            ])
        }
        for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)] {
            try create([
                "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": ["name": .string(name)],
                "value": .integer(Int64(value)),
            ])
        }
        for node in configuration.nodes {
            let key = ObjectKey(namespace: "", name: node.name)
            guard objects.store.get(.nodes, key) == nil else { continue }
            let content = node.initialContent(helperImage: configuration.helperImage)
            try create(node.object(images: content.statusImages, now: .now()))
        }
        for text in configuration.crdYAML {
            for document in try YAMLDocuments.parse(text) { try create(document) }
        }
    }

    /// Creates or replaces one object of a manifest; a List is taken apart.
    func create(_ manifest: JSONValue) throws(APIStatusError) {
        let kind = manifest["kind"]?.string ?? ""
        if kind == "List" {
            for item in manifest["items"]?.array ?? [] { try create(item) }
            return
        }
        let apiVersion = manifest["apiVersion"]?.string ?? ""
        guard let definition = objects.registry.definition(apiVersion: apiVersion, kind: kind) else {
            throw .badRequest("no matches for kind \"\(kind)\" in version \"\(apiVersion)\"")
        }
        let namespace = definition.isNamespaced ? manifest[path: "metadata", "namespace"]?.string ?? "default" : ""
        let key = ObjectKey(namespace: namespace, name: manifest[path: "metadata", "name"]?.string ?? "")
        guard objects.store.get(definition.resource, key) != nil else {
            _ = try objects.create(definition, namespace: namespace, manifest)
            return
        }
        _ = try objects.mutate(definition, key, subresource: nil) { old in MergePatch.apply(manifest, to: old) }
    }
}
