import KubernetesAPI
import Logging
import LongshoreDomain
import ServiceRuntime

/// Reads what kubelets say in Events about the namespace's Pods.
///
/// Nothing is kept: Events live for an hour, and there are several for each image of each Pod. What was said while nobody listened is
/// read for one Pod at a time, with ``list(podUID:)``. No outcome depends on an Event: the Pod's status says the same, later.
struct PodEventWatch: Sendable {
    /// An Event of a kubelet about an image of a Pod.
    struct Report: Sendable, Hashable {
        var podName: String
        var podUID: String
        var event: KubeletImageEvent

        /// Reads an Event; `nil` for one that is about no image.
        init?(_ event: CoreEvent) {
            guard let read = KubeletImageEvent(reason: event.reason, message: event.message) else { return nil }
            podName = event.involvedObject.name
            podUID = event.involvedObject.uid ?? ""
            self.event = read
        }
    }

    /// Events of kubelets about Pods, and no others: the selection is made by the API server.
    static let selector = "involvedObject.kind=Pod,source=kubelet"

    let client: KubernetesClient
    let namespace: String
    let logger: Logger

    /// Tells what is said from now on, until cancelled. Without the right to watch it goes on asking, once a minute.
    ///
    /// - Parameter tell: Called in the order of the Events.
    func run(_ tell: @Sendable (Report) async -> Void) async {
        var version: String?
        var failures = 0
        while !Task.isCancelled {
            do {
                var options = ListOptions(namespace: namespace, fieldSelector: Self.selector)
                if version == nil {
                    options.limit = 1
                    version = try await client.list(CoreEvent.self, options).resourceVersion
                    options.limit = nil
                }
                options.resourceVersion = version
                for try await change in client.watch(CoreEvent.self, options) {
                    failures = 0
                    version = change.resourceVersion ?? version
                    if case .deleted = change { continue }
                    if let report = change.object.flatMap(Report.init) { await tell(report) }
                }
            } catch {
                let reason = (error as? KubernetesError)?.reason
                if reason == .expired { version = nil }
                if failures == 0, !Task.isCancelled {
                    logger.notice("Events of Pods cannot be followed now", metadata: [LogKey.error: "\(error)"])
                }
                failures += 1
                let pause = reason == .forbidden ? 60_000 : min(200 << min(failures, 7), 30_000)
                try? await Task.sleep(for: .milliseconds(pause))
            }
        }
    }

    /// What kubelets have said about one Pod and is not deleted yet; empty without the right to list Events.
    ///
    /// - Parameter podUID: The Pod's `metadata.uid`.
    /// - Returns: In the order in which it was said last, as far as Events have times.
    /// - Throws: `KubernetesError` when the Events cannot be read for another reason.
    func list(podUID: String) async throws(KubernetesError) -> [KubeletImageEvent] {
        let selector = "\(Self.selector),involvedObject.uid=\(podUID)"
        let options = ListOptions(namespace: namespace, fieldSelector: selector)
        do throws(KubernetesError) {
            let events = try await client.listAll(CoreEvent.self, options).items
            return events.sorted { left, right in
                guard let first = left.lastTimestamp, let second = right.lastTimestamp else { return false }
                return first < second
            }.compactMap { KubeletImageEvent(reason: $0.reason, message: $0.message) }
        } catch {
            guard error.reason == .forbidden else { throw error }
            return []
        }
    }
}
