import LongshoreDomain
import LongshoreMessages
import Metrics
import Synchronization

/// What this executor knows of whether nodes can run the helper image: what its registry says, and what nodes have shown.
///
/// Thread safety: a mutex guards what is known.
final class HelperHealth: Sendable {
    private struct State {
        var byRegistry: String?
        var byNodes: String?
    }

    private let image: String
    private let state = Mutex(State())
    private let available = Gauge(label: "longshore_executor_helper_available")

    /// - Parameter image: The helper image.
    init(image: String) {
        self.image = image
        available.record(1)
    }

    /// Why nodes cannot be expected to run the helper image; `nil` when nothing speaks against it.
    var problem: String? { state.withLock { $0.byNodes ?? $0.byRegistry } }

    /// What the cluster's announcement says of the helper image.
    var announced: HelperImageState { HelperImageState(image: image, problem: problem) }

    /// The registry was asked.
    ///
    /// - Parameter problem: Why it would not give the image to a node; `nil` when it would, or could not be asked.
    func noteRegistry(_ problem: String?) { change { $0.byRegistry = problem } }

    /// Several nodes in a row could not run it.
    func noteNodesFailed(_ message: String) { change { $0.byNodes = message } }

    /// A node has run it. Whatever the registry says, nodes have it.
    func noteRan() { change { $0 = State() } }

    private func change(_ body: (inout State) -> Void) {
        let isAvailable = state.withLock { state in
            body(&state)
            return state.byNodes == nil && state.byRegistry == nil
        }
        available.record(isAvailable ? 1 : 0)
    }
}
