import Curl
import Redaction

/// One call on its way through challenges and redirects.
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
        TokenCache.Key(origin: endpoint.origin, scope: scope ?? "", credential: fingerprint)
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
        guard first.status == 401 else { return first }
        client.tokens.drop(tokenKey)
        let challenges = AuthenticateChallenge.parse(first.headers("WWW-Authenticate"))
        let isShown: Bool
        switch credential {
        case .registryToken: isShown = known != nil
        case .basic:
            // A registry may have changed from Basic to tokens.
            isShown = usesBasic && !challenges.contains { $0.scheme == "bearer" }
        case .anonymous, .identityToken: isShown = false
        }
        if isShown { throw try await unauthorized(first) }
        let authorization = try await authorization(for: challenges, reply: first)
        let second = try await follow(call, authorization: authorization, perform: perform)
        guard second.status == 401 else { return second }
        client.tokens.drop(tokenKey)
        throw try await unauthorized(second)
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

    /// Answers a challenge.
    private func authorization(
        for challenges: [AuthenticateChallenge],
        reply: some RegistryReply
    ) async throws(RegistryError) -> SecretBytes {
        for challenge in challenges {
            switch challenge.scheme {
            case "bearer":
                let token = try await fetchToken(challenge)
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
            error.refusesCredential = answer.status == 401
        }
        return error
    }

    // MARK: - Redirects

    /// Sends a request and follows its redirects. Another host gets no authorization, and once one has had its say where to
    /// go on, nobody does: it must not send the credential to a place of its choice in the registry.
    private func follow<Reply: RegistryReply>(
        _ call: RegistryCall,
        authorization: SecretBytes?,
        perform: @Sendable (CurlRequest) async throws(CurlError) -> Reply
    ) async throws(RegistryError) -> Reply {
        guard let origin = RegistryURL("\(endpoint.origin)/"),
            var url = RegistryURL(location: call.path, from: origin), url.origin == origin.origin || allows(url)
        else {
            throw RegistryError(.invalidReference, host: host, message: "the request's URL cannot be read")
        }
        var isOwn = url.origin == origin.origin
        for _ in 0...Self.maximumRedirects {
            let request = request(for: call, url: url, authorization: isOwn ? authorization : nil)
            let reply: Reply
            do throws(CurlError) {
                reply = try await perform(request)
            } catch {
                throw RegistryError(error, host: host)
            }
            guard call.followsRedirects, [301, 302, 303, 307, 308].contains(reply.status),
                let location = reply.header("Location")
            else { return reply }
            guard let next = RegistryURL(location: location, from: url), allows(next) else {
                throw RegistryError(
                    .invalidResponse,
                    host: host,
                    httpStatus: reply.status,
                    message: "the registry redirects to where it may not"
                )
            }
            url = next
            isOwn = isOwn && url.origin == origin.origin
        }
        throw RegistryError(.invalidResponse, host: host, message: "too many redirects")
    }

    /// Whether a URL that the registry names may be used: TLS always; plain HTTP only from a registry that speaks plain
    /// HTTP itself, to a host that may.
    func allows(_ url: RegistryURL) -> Bool {
        if url.scheme == "https" { return true }
        guard endpoint.isPlainHTTP else { return false }
        let name = url.host.contains(":") ? "[\(url.host)]" : url.host
        let hosts = client.configuration.plainHTTPHosts
        return RegistryEndpoint.isLoopback(url.host) || hosts.contains("\(name):\(url.port)")
            || (url.port == 80 && hosts.contains(name))
    }

    private func request(for call: RegistryCall, url: RegistryURL, authorization: SecretBytes?) -> CurlRequest {
        var request = CurlRequest(method: call.method, url: url.text, headers: call.headers, body: call.body)
        if let authorization { request.secretHeaders = [("Authorization", authorization)] }
        request.totalTimeout = call.hasDeadline ? client.configuration.requestTimeout : nil
        request.idleTimeout = call.idleTimeout
        request.maximumResponseBytes = call.maximumBytes
        request.addressPolicy = client.configuration.addressPolicy
        return request
    }
}
