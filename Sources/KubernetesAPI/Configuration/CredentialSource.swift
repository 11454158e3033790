import FoundationEssentials
import Redaction
import Synchronization
import WireFormats

/// What one request proves its identity with.
struct RequestCredential: Sendable, Equatable {
    /// The value of `Authorization`.
    var authorization: SecretBytes?
    /// A client certificate that replaces the configured one.
    var certificate: KubernetesConfiguration.ClientCertificate?
}

/// Gets credentials, keeps them for as long as they hold, and gets new ones after a refusal.
final class CredentialSource: Sendable {
    private struct State {
        var cached: RequestCredential?
        /// When ``cached`` must be got again, by a clock that does not jump.
        var expiresAt: ContinuousClock.Instant?
        /// A plugin that is running: callers that come meanwhile wait for the same one.
        var running: Task<RequestCredential, any Error>?
    }

    /// Tokens of service accounts are renewed when 80 % of their life is over: a minute is always early enough.
    static let tokenFileLifetime = Duration.seconds(60)

    private let configuration: KubernetesConfiguration
    private let tokenFileLifetime: Duration
    private let state = Mutex(State())

    /// Creates a source.
    ///
    /// - Parameters:
    ///   - configuration: Says how to authenticate.
    ///   - tokenFileLifetime: How long the content of a token file is used, at most 60 s.
    init(configuration: KubernetesConfiguration, tokenFileLifetime: Duration = CredentialSource.tokenFileLifetime) {
        self.configuration = configuration
        self.tokenFileLifetime = tokenFileLifetime
    }

    /// The credential to use now.
    func current() async throws(KubernetesError) -> RequestCredential {
        switch configuration.authentication {
        case .none: return RequestCredential()
        case .token(let token): return Self.bearer(token)
        case .basic(let username, let password):
            let pair = Array(username.utf8) + [0x3A] + password.exposeBytes()
            return RequestCredential(authorization: SecretBytes(utf8: "Basic \(Base64.encode(pair))"))
        case .tokenFile(let path): return try fromFile(path)
        case .exec(let plugin): return try await fromPlugin(plugin)
        }
    }

    /// Forgets a credential that the server has refused, unless a newer one is already there.
    ///
    /// - Returns: Whether asking again can give another one.
    func invalidate(_ refused: RequestCredential) -> Bool {
        switch configuration.authentication {
        case .none, .token, .basic: return false
        case .tokenFile, .exec:
            state.withLock { state in
                if state.cached == refused { state.cached = nil }
            }
            return true
        }
    }

    private func cached() -> RequestCredential? {
        state.withLock { state in
            guard let cached = state.cached else { return nil }
            if let expiresAt = state.expiresAt, ContinuousClock.now >= expiresAt { return nil }
            return cached
        }
    }

    private func fromFile(_ path: String) throws(KubernetesError) -> RequestCredential {
        if let cached = cached() { return cached }
        let token = try LocalFile.text(path)
        guard !token.isEmpty else { throw KubernetesError(reason: .configuration, message: "\(path) is empty") }
        let credential = Self.bearer(SecretBytes(utf8: token))
        state.withLock { state in
            state.cached = credential
            state.expiresAt = ContinuousClock.now + tokenFileLifetime
        }
        return credential
    }

    private func fromPlugin(
        _ plugin: KubernetesConfiguration.ExecPlugin
    ) async throws(KubernetesError) -> RequestCredential {
        if let cached = cached() { return cached }
        let task = state.withLock { state in
            if let running = state.running { return running }
            let task = Task { try await self.runPlugin(plugin) }
            state.running = task
            return task
        }
        do {
            return try await task.value
        } catch let error as KubernetesError {
            throw error
        } catch {
            throw KubernetesError(reason: .configuration, message: "the credential plugin failed")
        }
    }

    /// Runs the plugin for all who wait; no caller's cancellation stops it, its own time limit does.
    private func runPlugin(_ plugin: KubernetesConfiguration.ExecPlugin) async throws -> RequestCredential {
        let result: Result<ExecCredential, KubernetesError>
        do throws(KubernetesError) {
            result = .success(try await ExecCredential.run(plugin, for: configuration))
        } catch {
            result = .failure(error)
        }
        return try state.withLock { state in
            state.running = nil
            let credential = try result.get()
            var kept = RequestCredential(certificate: credential.certificate)
            if let token = credential.token { kept.authorization = Self.bearer(token).authorization }
            state.cached = kept
            state.expiresAt = credential.expiration.map { ContinuousClock.now + Self.remaining(until: $0) }
            return kept
        }
    }

    /// The time left until a moment of the wall clock, less ten seconds for a request that is on its way.
    private static func remaining(until expiration: Timestamp) -> Duration {
        let now = Timestamp(microsecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1_000_000))
        return max(.zero, expiration.duration(since: now) - .seconds(10))
    }

    private static func bearer(_ token: SecretBytes) -> RequestCredential {
        RequestCredential(authorization: SecretBytes(Array("Bearer ".utf8) + token.exposeBytes()))
    }
}
