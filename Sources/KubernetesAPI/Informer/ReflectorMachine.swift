/// When an informer lists, when it watches and how long it pauses: the state machine, without the doing.
struct ReflectorMachine {
    /// What is to be done next.
    enum Action: Sendable, Hashable {
        /// List everything.
        case list
        /// Watch from a version.
        case watch(resourceVersion: String)
        /// Pause, then ask again.
        case pause(Duration)
    }

    private enum State: Sendable, Hashable {
        case unlisted
        case current(resourceVersion: String)
    }

    private var state = State.unlisted
    /// Failures since something last worked.
    private(set) var failures = 0
    private var pause: Duration?
    private let policy: RequestRetryPolicy

    /// Creates a machine that has to list first.
    init(policy: RequestRetryPolicy) {
        self.policy = policy
    }

    /// What is to be done now. A pause is told once, after which comes what it was before.
    mutating func next() -> Action {
        if let pause {
            self.pause = nil
            return .pause(pause)
        }
        return switch state {
        case .unlisted: .list
        case .current(let resourceVersion): .watch(resourceVersion: resourceVersion)
        }
    }

    /// A list has come.
    mutating func listed(resourceVersion: String) {
        // Without a version there is nothing to watch from, so the list is the only source, and must not be asked for too often.
        state = resourceVersion.isEmpty ? .unlisted : .current(resourceVersion: resourceVersion)
        failures = 0
        if resourceVersion.isEmpty { pause = policy.maximumDelay }
    }

    /// A watch has told of something.
    mutating func observed(resourceVersion: String?) {
        failures = 0
        guard let resourceVersion, !resourceVersion.isEmpty, case .current = state else { return }
        state = .current(resourceVersion: resourceVersion)
    }

    /// A watch has ended by the server's will.
    ///
    /// - Parameters:
    ///   - events: How many events it told of.
    ///   - random: A number from 0 up to 1, for the jitter.
    mutating func watchEnded(events: Int, random: Double) {
        // A server that ends watches at once would otherwise be asked without a pause.
        if events == 0 {
            failures += 1
            pause = policy.backoff(afterAttempt: failures, random: random)
        }
    }

    /// A list or watch has failed.
    mutating func failed(_ error: KubernetesError, random: Double) {
        failures += 1
        if error.reason == .expired, case .current = state {
            // The version is too old. Listing is the cure; a pause only where that has happened just before.
            state = .unlisted
            if failures == 1 { return }
        }
        if error.reason == .invalidResponse { state = .unlisted }
        pause = max(policy.backoff(afterAttempt: failures, random: random), error.retryAfter ?? .zero)
    }
}
