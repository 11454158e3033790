import Curl
import Redaction
import WireFormats

extension RegistryExchange {
    /// A token and how long it may be used.
    struct Token: Sendable {
        var secret: SecretBytes
        var lifetime: Duration
    }

    /// Asks the token server of a challenge for a token (distribution project, "Token Authentication Specification", and
    /// for identity tokens "OAuth2 Token Authentication"). Its answer is taken as it is: no challenge or redirect of a token
    /// server is followed.
    ///
    /// - Parameters:
    ///   - challenge: A `Bearer` challenge.
    ///   - url: The URL whose answer held the challenge; a token server over plain HTTP is used only when this was plain too.
    ///   - credential: What to show to the token server: the task's only when the registry itself gave the challenge.
    ///   - scope: What to ask for when the challenge does not say.
    /// - Returns: The token.
    /// - Throws: ``RegistryError``.
    func fetchToken(
        _ challenge: AuthenticateChallenge,
        from url: RegistryURL,
        showing credential: RegistryCredential,
        scope: String?
    ) async throws(RegistryError) -> Token {
        guard let realm = challenge.parameters["realm"].flatMap({ RegistryURL($0) }), allows(realm),
            realm.scheme == "https" || url.scheme == "http"
        else {
            throw RegistryError(
                .unsupported,
                host: host,
                httpStatus: 401,
                message: "the registry names a token server that may not be used"
            )
        }
        let request = try tokenRequest(realm: realm, challenge: challenge, credential: credential, scope: scope)
        let reply: CurlResponse
        do throws(CurlError) {
            reply = try await client.http.execute(request)
        } catch {
            throw RegistryError(error, host: host)
        }
        guard reply.status == 200 else {
            var error = RegistryError(
                host: host,
                status: reply.status,
                retryAfter: reply.header("Retry-After"),
                date: reply.header("Date"),
                body: await reply.errorBody(),
                scrubber: self.credential.scrubber
            )
            // RFC 6749 §5.2: a refresh token that is not taken gives 400 "invalid_grant".
            if reply.status == 400, case .identityToken = credential { error.code = .unauthorized }
            error.refusesCredential = error.code == .unauthorized && !credential.isAnonymous
            throw error
        }
        guard let token = Self.token(in: reply.body) else {
            throw RegistryError(.invalidResponse, host: host, message: "the token server gave no token")
        }
        return token
    }

    private func tokenRequest(
        realm: RegistryURL,
        challenge: AuthenticateChallenge,
        credential: RegistryCredential,
        scope: String?
    ) throws(RegistryError) -> CurlRequest {
        var parameters: [(String, String)] = []
        if let service = challenge.parameters["service"] { parameters.append(("service", service)) }
        if let scope = challenge.parameters["scope"] ?? scope { parameters.append(("scope", scope)) }
        var request: CurlRequest
        if case .identityToken(let refreshToken) = credential {
            guard let text = refreshToken.exposeUTF8() else {
                throw RegistryError(.unauthorized, host: host, message: "the identity token is not text")
            }
            parameters += [
                ("grant_type", "refresh_token"), ("client_id", "longshore"), ("refresh_token", text),
            ]
            request = CurlRequest(
                method: "POST",
                url: realm.text,
                headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(RegistryURL.query(parameters).utf8)
            )
        } else {
            request = CurlRequest(url: realm.adding(parameters))
            if let basic = credential.basicAuthorization { request.secretHeaders = [("Authorization", basic)] }
        }
        request.headers.append(("Accept", "application/json"))
        request.totalTimeout = client.configuration.requestTimeout
        request.maximumResponseBytes = 1 << 20
        request.addressPolicy = client.configuration.addressPolicy
        return request
    }

    private static func token(in body: [UInt8]) -> Token? {
        let limits = JSONValue.ParsingLimits(maximumDepth: 16, maximumBytes: 1 << 20)
        guard let json = try? JSONValue(parsing: body, limits: limits),
            let text = json["token"]?.string ?? json["access_token"]?.string,
            (1...(64 << 10)).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        // 60 s where nothing is said, and never less: older servers say nothing and mean that. A tenth is kept back for
        // the way and for the registry's clock.
        let seconds = min(max(json["expires_in"]?.integer ?? 60, 60), 3600)
        return Token(secret: SecretBytes(utf8: text), lifetime: .seconds(seconds) * 9 / 10)
    }
}
