import Curl
import Redaction

/// Sends one call to a registry: answers challenges and follows redirects.
///
/// A challenge is answered with the credential only when the registry itself gave it to a request that was sent to it
/// (CVE-2020-15157). A host that was reached by a redirect gets at most an anonymous token of its own.
struct RegistryExchange: Sendable {
    let client: RegistryClient
    let endpoint: RegistryEndpoint
    let credential: RegistryCredential
    /// The credential's keyed hash.
    let fingerprint: String
    let scope: String?

    /// Most redirects that are followed.
    static let maximumRedirects = 5

    var host: String { endpoint.host }

    private var tokenKey: TokenCache.Key {
        TokenCache.Key(origin: endpoint.origin, scope: scope ?? "", holder: .credential(fingerprint))
    }

    /// Sends the call: with what is known to be wanted at first, then with what the challenge asks for, and no third time.
    func run<Reply: RegistryReply>(
        _ call: RegistryCall,
        perform: @Sendable (CurlRequest) async throws(CurlError) -> Reply
    ) async throws(RegistryError) -> Reply {
        // Looked at once: another call may find out meanwhile that the registry wants Basic, and this one has shown nothing yet.
        let usesBasic = client.tokens.usesBasic(endpoint.origin)
        let known = knownAuthorization(usesBasic: usesBasic)
        let first = try await follow(call, authorization: known, perform: perform)
        guard first.reply.status == 401 else { return first.reply }
        guard first.isOwn else { throw await refusal(by: first) }
        client.tokens.drop(tokenKey)
        let challenges = AuthenticateChallenge.parse(first.reply.headers("WWW-Authenticate"))
        let isShown: Bool
        switch credential {
        case .registryToken: isShown = known != nil
        case .basic:
            // A registry may have changed from Basic to tokens.
            isShown = usesBasic && !challenges.contains { $0.scheme == "bearer" }
        case .anonymous, .identityToken: isShown = false
        }
        if isShown { throw try await unauthorized(first.reply) }
        let authorization = try await authorization(for: challenges, at: first.url, reply: first.reply)
        let second = try await follow(call, authorization: authorization, perform: perform)
        guard second.reply.status == 401 else { return second.reply }
        guard second.isOwn else { throw await refusal(by: second) }
        client.tokens.drop(tokenKey)
        throw try await unauthorized(second.reply)
    }

    /// What the registry is known to want, from an earlier answer of it.
    private func knownAuthorization(usesBasic: Bool) -> SecretBytes? {
        if case .registryToken(let token) = credential { return Self.bearer(token) }
        if usesBasic { return credential.basicAuthorization }
        return client.tokens.token(for: tokenKey).map(Self.bearer)
    }

    static func bearer(_ token: SecretBytes) -> SecretBytes {
        SecretBytes(Array("Bearer ".utf8) + token.exposeBytes())
    }

    /// Answers a challenge that the registry itself gave.
    private func authorization(
        for challenges: [AuthenticateChallenge],
        at url: RegistryURL,
        reply: some RegistryReply
    ) async throws(RegistryError) -> SecretBytes {
        for challenge in challenges {
            switch challenge.scheme {
            case "bearer":
                let token = try await fetchToken(challenge, from: url, showing: credential, scope: scope)
                client.tokens.setUsesBasic(endpoint.origin, false)
                client.tokens.keep(token.secret, for: tokenKey, lifetime: token.lifetime)
                return Self.bearer(token.secret)
            case "basic":
                guard let basic = credential.basicAuthorization else { continue }
                client.tokens.setUsesBasic(endpoint.origin, true)
                return basic
            default:
                continue
            }
        }
        throw try await unauthorized(reply)
    }

    private func unauthorized(_ reply: some RegistryReply) async throws(RegistryError) -> RegistryError {
        var error = RegistryError(
            host: host,
            status: 401,
            retryAfter: nil,
            body: await reply.errorBody(),
            scrubber: credential.scrubber
        )
        // Basic says nothing about why. Only when the registry's own root refuses too is it the credential.
        if client.tokens.usesBasic(endpoint.origin), let basic = credential.basicAuthorization {
            let http = client.http
            let root = RegistryCall(path: "/v2/", maximumBytes: 64 << 10)
            let answer = try await follow(root, authorization: basic) { request throws(CurlError) in
                try await http.execute(request)
            }
            error.refusesCredential = answer.isOwn && answer.reply.status == 401
        }
        return error
    }
}
