import Synchronization

/// Lets one request find out whether a credential is any good before the others follow.
///
/// A task has up to a hundred images: with a wrong password, a hundred log-ins at once lock the account. So the first
/// request with a credential goes alone; when the registry refuses the credential, those that waited and those of the
/// next half minute get the same answer without asking.
///
/// Thread safety: a mutex guards the state; no continuation is resumed while it is held.
final class CredentialGate: Sendable {
    /// A credential, as a keyed hash, at one registry.
    struct Key: Hashable, Sendable {
        var origin: String
        var credential: String
    }

    /// What a request may do.
    enum Admission: Sendable {
        /// Go on; ``leave(_:finding:)`` must follow when `isFirst`.
        case admitted(isFirst: Bool)
        /// The registry has refused the credential a moment ago.
        case refused
    }

    /// What the first request has found out.
    enum Finding: Sendable {
        case good
        case refused
        case unknown
    }

    private enum Entry {
        case checking([CheckedContinuation<Bool, Never>])
        case good
        case refused(until: ContinuousClock.Instant)
    }

    private let entries = Mutex<[Key: Entry]>([:])
    private let limit = 4096
    private let refusalTime: Duration

    /// - Parameter refusalTime: How long a refusal is believed.
    init(refusalTime: Duration = .seconds(30)) { self.refusalTime = refusalTime }

    /// Waits while another request is the first one.
    func enter(_ key: Key) async -> Admission {
        let admission: Admission? = entries.withLock { entries in
            switch entries[key] {
            case .good: return .admitted(isFirst: false)
            case .refused(let until) where until > .now: return .refused
            case .checking: return nil
            case .refused, nil:
                if entries.count >= limit {
                    entries = entries.filter { if case .checking = $0.value { true } else { false } }
                }
                entries[key] = .checking([])
                return .admitted(isFirst: true)
            }
        }
        if let admission { return admission }
        let isAdmitted = await withCheckedContinuation { continuation in
            let answer: Bool? = entries.withLock { entries in
                switch entries[key] {
                case .checking(let waiters):
                    entries[key] = .checking(waiters + [continuation])
                    return nil
                case .refused: return false
                case .good, nil: return true
                }
            }
            if let answer { continuation.resume(returning: answer) }
        }
        return isAdmitted ? .admitted(isFirst: false) : .refused
    }

    /// Ends the first request's turn. What is not known after it is found out by all others for themselves: a registry
    /// that does not answer must not make them wait one after the other.
    func leave(_ key: Key, finding: Finding) {
        let waiters: [CheckedContinuation<Bool, Never>] = entries.withLock { entries in
            guard case .checking(let waiters) = entries[key] else { return [] }
            switch finding {
            case .good: entries[key] = .good
            case .refused: entries[key] = .refused(until: .now + refusalTime)
            case .unknown: entries[key] = nil
            }
            return waiters
        }
        let isAdmitted = if case .refused = finding { false } else { true }
        for waiter in waiters { waiter.resume(returning: isAdmitted) }
    }
}
