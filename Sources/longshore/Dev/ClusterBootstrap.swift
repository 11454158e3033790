import KubernetesAPI
import WireFormats

/// Puts into a cluster what the services need there, from the manifests that operators apply: the namespaces, the
/// definition of PullTask and the priority class.
struct ClusterBootstrap {
    private let client: KubernetesClient

    init(client: KubernetesClient) {
        self.client = client
    }

    /// Applies the objects server-side, so that running it again changes nothing.
    ///
    /// - Parameter documents: The objects, in the order in which they depend on each other.
    /// - Throws: ``DevError`` naming the object that was refused.
    func apply(_ documents: [JSONValue]) async throws {
        for document in documents {
            let path = try Self.path(of: document)
            do {
                try await client.request(
                    method: "PATCH",
                    path: path,
                    query: [(name: "fieldManager", value: "longshore"), (name: "force", value: "true")],
                    body: document,
                    contentType: "application/apply-patch+yaml",
                    isRepeatable: true
                )
            } catch {
                throw DevError("The cluster refused \(path): \(error.message)")
            }
        }
        try await waitForPullTasks()
    }

    /// A definition is served a moment after it is stored.
    private func waitForPullTasks() async throws {
        for _ in 0..<100 {
            if (try? await client.request(
                path: "/apis/longshore.dev/v1/pulltasks",
                query: [(name: "limit", value: "1")]
            )) != nil {
                return
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw DevError(
            "The cluster does not serve pulltasks.longshore.dev ten seconds after its definition was applied"
        )
    }

    /// The collection of each kind that the manifests hold.
    private static let collections = [
        "v1/Namespace": "/api/v1/namespaces",
        "apiextensions.k8s.io/v1/CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "scheduling.k8s.io/v1/PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses",
    ]

    private static func path(of document: JSONValue) throws -> String {
        let type = "\(document["apiVersion"]?.string ?? "")/\(document["kind"]?.string ?? "")"
        guard let collection = collections[type], let name = document["metadata"]?["name"]?.string else {
            throw DevError("The embedded manifest of \(type) has no known collection or no name")
        }
        return "\(collection)/\(name)"
    }
}
