import Curl
import Redaction

extension RegistryClient {
    /// Sends a call and gathers the answer.
    func whole(
        _ call: RegistryCall,
        at endpoint: RegistryEndpoint,
        credential: RegistryCredential,
        scope: String?
    ) async throws(RegistryError) -> CurlResponse {
        try await send(call, at: endpoint, credential: credential, scope: scope) {
            [http] request throws(CurlError) in
            try await http.execute(request)
        }
    }

    /// Throws unless the answer is a success.
    func check(
        _ reply: some RegistryReply,
        host: String,
        credential: RegistryCredential
    ) async throws(RegistryError) {
        guard !(200..<300).contains(reply.status) else { return }
        throw RegistryError(
            host: host,
            status: reply.status,
            retryAfter: reply.header("Retry-After"),
            date: reply.header("Date"),
            body: await reply.errorBody(),
            scrubber: credential.scrubber
        )
    }

    /// Sends a call, authenticated as the registry asks for it.
    ///
    /// - Parameters:
    ///   - call: What to send.
    ///   - endpoint: The registry.
    ///   - credential: What to show.
    ///   - scope: What a token is asked for when the registry's challenge does not say.
    ///   - perform: Sends one HTTP request.
    /// - Returns: The answer, any status but 401.
    /// - Throws: ``RegistryError``.
    func send<Reply: RegistryReply>(
        _ call: RegistryCall,
        at endpoint: RegistryEndpoint,
        credential: RegistryCredential,
        scope: String?,
        perform: @Sendable (CurlRequest) async throws(CurlError) -> Reply
    ) async throws(RegistryError) -> Reply {
        let exchange = RegistryExchange(
            client: self,
            endpoint: endpoint,
            credential: credential,
            fingerprint: credential.fingerprint(key: fingerprintKey),
            scope: scope
        )
        if credential.isAnonymous { return try await exchange.run(call, perform: perform) }
        let key = CredentialGate.Key(origin: endpoint.origin, credential: exchange.fingerprint)
        guard case .admitted(let isFirst) = await gate.enter(key) else {
            var error = RegistryError(.unauthorized, host: endpoint.host, httpStatus: 401, message: "")
            error.message = "the registry has refused this credential a moment ago"
            throw error
        }
        do throws(RegistryError) {
            let reply = try await exchange.run(call, perform: perform)
            if isFirst { gate.leave(key, finding: .good) }
            return reply
        } catch {
            if isFirst {
                let isKnown = !error.isElsewhere && error.httpStatus.map { $0 < 500 && $0 != 429 } ?? false
                gate.leave(key, finding: error.refusesCredential ? .refused : isKnown ? .good : .unknown)
            }
            throw error
        }
    }
}
