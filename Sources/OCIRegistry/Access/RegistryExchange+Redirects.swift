import Curl
import Redaction

extension RegistryExchange {
    /// An answer and the host that gave it.
    struct Arrival<Reply: RegistryReply>: Sendable {
        var reply: Reply
        /// The URL that was answered.
        var url: RegistryURL
        /// Whether the registry itself answered, and no other host had a say in what it was asked.
        var isOwn: Bool
    }

    /// Sends a request and follows its redirects.
    ///
    /// Only the registry gets the authorization, and only until the first redirect to another host: a host that redirects
    /// back must not direct the credential to a place of its choice in the registry.
    ///
    /// - Parameters:
    ///   - call: What to send; redirects of `GET` and `HEAD` are followed.
    ///   - authorization: The value of the header `Authorization` for the registry.
    ///   - perform: Sends one HTTP request.
    /// - Returns: The first answer that is not followed, any status.
    /// - Throws: ``RegistryError``.
    func follow<Reply: RegistryReply>(
        _ call: RegistryCall,
        authorization: SecretBytes?,
        perform: @Sendable (CurlRequest) async throws(CurlError) -> Reply
    ) async throws(RegistryError) -> Arrival<Reply> {
        guard let origin = RegistryURL("\(endpoint.origin)/"),
            var url = RegistryURL(location: call.path, from: origin), url.origin == origin.origin || allows(url)
        else {
            throw RegistryError(.invalidReference, host: host, message: "the request's URL cannot be read")
        }
        var isOwn = url.origin == origin.origin
        for _ in 0...Self.maximumRedirects {
            let reply =
                isOwn
                ? try await send(call, to: url, authorization: authorization, perform: perform)
                : try await sendElsewhere(call, to: url, perform: perform)
            guard call.followsRedirects, Self.redirects.contains(reply.status),
                let location = reply.header("Location")
            else { return Arrival(reply: reply, url: url, isOwn: isOwn) }
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

    /// Sends a request to a host that a redirect or an upload location names.
    ///
    /// Its `Bearer` challenge is answered with a token that is fetched without any credential, kept under that host and
    /// shown to nobody else, as containerd does for public images; its `Basic` challenge is never answered.
    private func sendElsewhere<Reply: RegistryReply>(
        _ call: RegistryCall,
        to url: RegistryURL,
        perform: @Sendable (CurlRequest) async throws(CurlError) -> Reply
    ) async throws(RegistryError) -> Reply {
        let key = TokenCache.Key(origin: url.origin, scope: scope ?? "", holder: .redirect)
        let known = client.tokens.token(for: key).map(Self.bearer)
        let first = try await send(call, to: url, authorization: known, perform: perform)
        guard first.status == 401 else { return first }
        client.tokens.drop(key)
        let challenges = AuthenticateChallenge.parse(first.headers("WWW-Authenticate"))
        // The scope is the challenge's own: the repository's name in the registry may mean nothing here.
        var sequence = ChallengeSequence(scope: nil, hasPassword: false, showsBasic: false)
        let question: TokenQuestion
        switch sequence.next(challenges, isUsable: { isUsable($0, from: url) }) {
        case .answer(.token(let asked)): question = asked
        case .answer(.basic), .refused: return first
        case .unusable:
            var error = RegistryError(.unsupported, host: host, httpStatus: 401, message: "")
            error.message =
                "\(url.authority), to which the registry sends requests, names a token server that may not be used"
            error.isElsewhere = true
            throw error
        }
        let token: TokenAnswer
        do throws(RegistryError) {
            token = try await fetchToken(question, showing: .anonymous).answer
        } catch {
            var error = error
            error.isElsewhere = true
            throw error
        }
        client.tokens.keep(token.token, for: key, lifetime: token.lifetime)
        return try await send(call, to: url, authorization: Self.bearer(token.token), perform: perform)
    }

    /// Makes the error of an answer 401 that did not come from the registry.
    func refusal(by arrival: Arrival<some RegistryReply>) async -> RegistryError {
        var error = RegistryError(
            host: host,
            status: 401,
            retryAfter: nil,
            body: await arrival.reply.errorBody(),
            scrubber: credential.scrubber
        )
        error.message = credential.scrubber.scrub(
            "\(arrival.url.host), to which the registry sends requests, answered: \(error.message)",
            limit: 512
        )
        error.isElsewhere = true
        return error
    }

    /// Whether a URL that the registry or a redirect names may be used: TLS always; plain HTTP only from a registry that
    /// speaks plain HTTP itself, to a host that may.
    func allows(_ url: RegistryURL) -> Bool {
        if url.scheme == "https" { return true }
        guard endpoint.isPlainHTTP else { return false }
        let name = url.host.contains(":") ? "[\(url.host)]" : url.host
        let hosts = client.configuration.plainHTTPHosts
        return RegistryEndpoint.isLoopback(url.host) || hosts.contains("\(name):\(url.port)")
            || (url.port == 80 && hosts.contains(name))
    }

    private func send<Reply: RegistryReply>(
        _ call: RegistryCall,
        to url: RegistryURL,
        authorization: SecretBytes?,
        perform: @Sendable (CurlRequest) async throws(CurlError) -> Reply
    ) async throws(RegistryError) -> Reply {
        var request = CurlRequest(method: call.method, url: url.text, headers: call.headers, body: call.body)
        if let authorization { request.secretHeaders = [("Authorization", authorization)] }
        request.totalTimeout = call.hasDeadline ? client.configuration.requestTimeout : nil
        request.idleTimeout = call.idleTimeout
        request.maximumResponseBytes = call.maximumBytes
        request.addressPolicy = client.configuration.addressPolicy
        do throws(CurlError) {
            return try await perform(request)
        } catch {
            throw RegistryError(error, host: host)
        }
    }
}
