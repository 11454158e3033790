import Redaction
import Synchronization

/// Bearer tokens until they expire, and how each registry wants to be authenticated to.
///
/// Thread safety: a mutex guards the state.
final class TokenCache: Sendable {
    /// What a token is for.
    struct Key: Hashable, Sendable {
        /// `scheme://host[:port]` of the host that the token is shown to.
        var origin: String
        var scope: String
        var holder: Holder
    }

    /// Whose token it is.
    enum Holder: Hashable, Sendable {
        /// A credential's, as a keyed hash.
        case credential(String)
        /// That of all calls which another registry has redirected to the host; fetched without a credential.
        case redirect
    }

    private struct Entry {
        var token: SecretBytes
        var until: ContinuousClock.Instant
    }

    private struct State {
        var tokens: [Key: Entry] = [:]
        var basicOrigins: Set<String> = []
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int = 4096) { self.limit = limit }

    /// The token for a key while it is valid.
    func token(for key: Key) -> SecretBytes? {
        state.withLock { state in
            guard let entry = state.tokens[key] else { return nil }
            if entry.until > .now { return entry.token }
            state.tokens[key] = nil
            return nil
        }
    }

    /// Keeps a token; not at all where its lifetime is over.
    func keep(_ token: SecretBytes, for key: Key, lifetime: Duration) {
        guard lifetime > .zero else { return }
        let now = ContinuousClock.now
        state.withLock { state in
            if state.tokens.count >= limit {
                state.tokens = state.tokens.filter { $0.value.until > now }
                if state.tokens.count >= limit { state.tokens.removeAll() }
            }
            state.tokens[key] = Entry(token: token, until: now + lifetime)
        }
    }

    /// Forgets a token that the registry no longer takes.
    func drop(_ key: Key) {
        state.withLock { $0.tokens[key] = nil }
    }

    /// Whether the registry has asked for Basic, so that the next request can show the credential at once.
    func usesBasic(_ origin: String) -> Bool { state.withLock { $0.basicOrigins.contains(origin) } }

    /// Notes whether a registry asks for Basic.
    func setUsesBasic(_ origin: String, _ usesBasic: Bool) {
        state.withLock { state in
            if usesBasic, state.basicOrigins.count < limit {
                state.basicOrigins.insert(origin)
            } else {
                state.basicOrigins.remove(origin)
            }
        }
    }
}
