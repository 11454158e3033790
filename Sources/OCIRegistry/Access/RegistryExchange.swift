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
    /// The statuses that say where else to ask (RFC 9110 §15.4).
    static let redirects: Set = [301, 302, 303, 307, 308]

    var host: String { endpoint.host }

    private var tokenKey: TokenCache.Key {
        TokenCache.Key(origin: endpoint.origin, scope: scope ?? "", holder: .credential(fingerprint))
    }

    /// Sends the call: with what is known to be wanted at first, then with what the challenges ask for until there is nothing
    /// else to show.
    func run<Reply: RegistryReply>(
        _ call: RegistryCall,
        perform: @Sendable (CurlRequest) async throws(CurlError) -> Reply
    ) async throws(RegistryError) -> Reply {
        // Looked at once: another call may find out meanwhile that the registry wants Basic, and this one has shown nothing yet.
        let usesBasic = client.tokens.usesBasic(endpoint.origin)
        let hasPassword = credential.basicAuthorization != nil
        var sequence = ChallengeSequence(
            scope: scope,
            hasPassword: hasPassword,
            showsBasic: usesBasic && hasPassword
        )
        var authorization = knownAuthorization(usesBasic: usesBasic)
        var isTokenElsewhere = false
        while true {
            let arrival = try await follow(call, authorization: authorization, perform: perform)
            guard arrival.reply.status == 401 else { return arrival.reply }
            guard arrival.isOwn else { throw await refusal(by: arrival) }
            client.tokens.drop(tokenKey)
            if isTokenElsewhere { throw unknownRefusal() }
            let next = try await self.authorization(after: arrival, &sequence)
            (authorization, isTokenElsewhere) = (next.value, next.isElsewhere)
        }
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
        after arrival: Arrival<some RegistryReply>,
        _ sequence: inout ChallengeSequence
    ) async throws(RegistryError) -> (value: SecretBytes, isElsewhere: Bool) {
        // It was shown already, and there is nothing to exchange it for.
        if case .registryToken = credential { throw try await unauthorized(arrival.reply) }
        let challenges = AuthenticateChallenge.parse(arrival.reply.headers("WWW-Authenticate"))
        var refusal: RegistryError?
        while true {
            switch sequence.next(challenges, isUsable: { isUsable($0, from: arrival.url) }) {
            case .refused: throw if let refusal { refusal } else { try await unauthorized(arrival.reply) }
            case .unusable:
                throw RegistryError(
                    .unsupported,
                    host: host,
                    httpStatus: 401,
                    message: "the registry names a token server that may not be used"
                )
            case .answer(.basic):
                guard let basic = credential.basicAuthorization else { continue }
                client.tokens.setUsesBasic(endpoint.origin, true)
                return (basic, false)
            case .answer(.token(let question)):
                do throws(RegistryError) {
                    let token = try await fetchToken(question, showing: credential)
                    client.tokens.setUsesBasic(endpoint.origin, false)
                    client.tokens.keep(token.answer.token, for: tokenKey, lifetime: token.answer.lifetime)
                    return (Self.bearer(token.answer.token), token.isElsewhere)
                } catch {
                    // It may not know the repository by this name; the challenge may name another as well.
                    guard !error.isElsewhere, error.httpStatus == 403 || error.httpStatus == 404 else { throw error }
                    refusal = refusal ?? error
                }
            }
        }
    }

    /// The registry does not take a token that was given without the credential: a node's runtime, whose rules for
    /// redirects are others, may have a better one.
    private func unknownRefusal() -> RegistryError {
        var error = RegistryError(.unsupported, host: host, httpStatus: 401, message: "")
        error.message = "the registry's token server redirects to a host that is not shown the credential"
        error.isElsewhere = true
        return error
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
