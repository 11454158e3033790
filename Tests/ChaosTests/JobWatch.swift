import DeploymentSupport
import KubernetesAPI
import Logging
import Synchronization
import TestSupport

/// Looks at the cluster's Jobs all the time: for one node of one task there may never be two at once.
final class JobWatch: Sendable {
    private struct Seen {
        var overlaps: [String: String] = [:]
        var jobs: Set<String> = []
    }

    private let informer: Informer<Job>
    private let client: KubernetesClient
    private let seen = Mutex(Seen())

    init(_ deployment: Deployment) async throws {
        client = try KubernetesClient(
            configuration: try await KubernetesConfiguration.load(kubeconfig: deployment.kubeconfig),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        var options = ListOptions()
        options.labelSelector = "app.kubernetes.io/managed-by=longshore"
        informer = Informer(client: client, options: options)
    }

    /// Looks until it is cancelled.
    func run() async {
        await withTaskGroup { group in
            group.addTask { try? await self.informer.run() }
            for await event in informer.events() {
                guard let job = event.object, Self.isActive(job) else { continue }
                let place = Self.place(job)
                // Both must be there in one state of the cluster: events of a new list may come in any order.
                let active = informer.list().filter { Self.place($0) == place && Self.isActive($0) }
                seen.withLock { seen in
                    seen.jobs.insert("\(job.metadata.name ?? "")/\(job.metadata.uid ?? "")")
                    if active.count > 1 {
                        seen.overlaps[place] = active.map(Self.describe).sorted().joined(separator: " beside ")
                    }
                }
            }
            group.cancelAll()
        }
        await client.close()
    }

    private static func place(_ job: Job) -> String {
        let labels = job.metadata.labels
        return "\(labels["longshore.dev/task"] ?? "")/\(labels["longshore.dev/node-hash"] ?? "")"
    }

    private static func isActive(_ job: Job) -> Bool {
        let ended = job.status.conditions.contains { ["Complete", "Failed"].contains($0.type) && $0.status == .true }
        return !ended && job.metadata.deletionTimestamp == nil
    }

    private static func describe(_ job: Job) -> String {
        let metadata = job.metadata
        let created = metadata.creationTimestamp.map { "\($0)" } ?? "?"
        return "\(metadata.name ?? "") of \(created) (\(metadata.uid ?? ""), version \(metadata.resourceVersion ?? ""))"
    }

    /// The nodes of tasks, as `task/hash`, that had two Jobs at once, with the Jobs.
    var overlaps: Set<String> { seen.withLock { Set($0.overlaps.map { "\($0.key): \($0.value)" }) } }

    /// How many Jobs were seen.
    var count: Int { seen.withLock { $0.jobs.count } }
}
