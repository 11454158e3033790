import Curl
import Redaction

extension RegistryExchange {
    /// A token and what is known of it.
    struct Token: Sendable {
        var answer: TokenAnswer
        /// Whether it was given without the credential, by a host that the token server redirects to.
        var isElsewhere: Bool
    }

    /// How a token server is asked.
    private enum Form: String {
        /// In the URL's query, with the credential as Basic ("Token Authentication Specification").
        case query = "GET"
        /// In the body of a form with the credential ("OAuth2 Token Authentication").
        case form = "POST"

        /// What means that the server may know the other way. Of the form these are containerd's: some servers answer so
        /// where they know none.
        func isUnknown(_ status: Int) -> Bool {
            switch self {
            case .query: [404, 405].contains(status)
            case .form: [400, 401, 404, 405].contains(status) || RegistryExchange.redirects.contains(status)
            }
        }
    }

    /// What a token server has answered.
    private struct TokenReply {
        var reply: CurlResponse
        /// What was asked last.
        var request: TokenServerRequest
        /// Whether that was another host than the token server.
        var isElsewhere: Bool
    }

    /// Asks a token server for a token; of several ways to ask, until it knows one.
    ///
    /// A token server's redirect is followed. Another host that it leads to is not shown the credential, and gives a token
    /// for public content at most.
    ///
    /// - Parameters:
    ///   - question: What to ask for.
    ///   - credential: What to show to the token server: the task's only when the registry itself gave the challenge.
    /// - Returns: The token.
    /// - Throws: ``RegistryError``, which says whether the credential itself was refused.
    func fetchToken(
        _ question: TokenQuestion,
        showing credential: RegistryCredential
    ) async throws(RegistryError) -> Token {
        do throws(RegistryError) {
            return try await askForToken(question, showing: credential)
        } catch {
            guard error.code == .unauthorized, !credential.isAnonymous, !error.isElsewhere else { throw error }
            var error = error
            error.refusesCredential = await refuses(credential, question)
            throw error
        }
    }

    /// Whether a token server that has refused a credential for a repository refuses it for nothing at all too.
    private func refuses(_ credential: RegistryCredential, _ question: TokenQuestion) async -> Bool {
        guard !question.scopes.isEmpty else { return true }
        var question = question
        question.scopes = []
        do throws(RegistryError) {
            _ = try await askForToken(question, showing: credential)
            return false
        } catch {
            return error.code == .unauthorized
        }
    }

    private func askForToken(
        _ question: TokenQuestion,
        showing credential: RegistryCredential
    ) async throws(RegistryError) -> Token {
        let forms = forms(for: credential)
        var refusal: RegistryError?
        for (index, form) in forms.enumerated() {
            let answer = try await ask(question, form, showing: credential)
            if (200..<300).contains(answer.reply.status) {
                let date = answer.reply.header("Date")
                if let token = TokenAnswer(answer.reply.body, date: date) {
                    return Token(answer: token, isElsewhere: answer.isElsewhere && !credential.isAnonymous)
                }
                var error = RegistryError(.invalidResponse, host: host, message: "the token server gave no token")
                error.tokenRequest = answer.request
                throw error
            }
            let error = await tokenError(answer, form, credential)
            if index < forms.count - 1, !answer.isElsewhere, form.isUnknown(answer.reply.status) {
                if error.code == .unauthorized { refusal = error }
                continue
            }
            // That it does not know the other way says less than its refusal.
            if let refusal, [400, 404, 405].contains(answer.reply.status) { throw refusal }
            throw error
        }
        throw refusal ?? RegistryError(.invalidResponse, host: host, message: "the token server gave no token")
    }

    private func forms(for credential: RegistryCredential) -> [Form] {
        switch credential {
        case .identityToken: [.form, .query]
        case .basic where credential.basicAuthorization != nil:
            client.configuration.exchangesPasswords ? [.form, .query] : [.query, .form]
        case .basic, .anonymous, .registryToken: [.query]
        }
    }

    /// Sends a question and follows redirects.
    private func ask(
        _ question: TokenQuestion,
        _ form: Form,
        showing credential: RegistryCredential
    ) async throws(RegistryError) -> TokenReply {
        var request = try tokenRequest(question, form, credential)
        var url = question.realm
        var isElsewhere = false
        for _ in 0...Self.maximumRedirects {
            let shown = TokenServerRequest(
                method: form.rawValue,
                url: request.url,
                isAnonymous: isElsewhere || credential.isAnonymous
            )
            let reply: CurlResponse
            do throws(CurlError) {
                reply = try await client.http.execute(request)
            } catch {
                var error = RegistryError(error, host: host)
                error.tokenRequest = shown
                throw error
            }
            let answer = TokenReply(reply: reply, request: shown, isElsewhere: isElsewhere)
            guard Self.redirects.contains(reply.status), let location = reply.header("Location") else { return answer }
            guard let next = RegistryURL(location: location, from: url), isUsable(next, from: url) else {
                throw RegistryError(
                    .invalidResponse,
                    host: host,
                    httpStatus: reply.status,
                    message: "the token server \(url.authority) redirects to where it may not"
                )
            }
            isElsewhere = isElsewhere || next.origin != question.realm.origin
            // The form holds the credential, and is sent again only where the redirect keeps the method.
            if form == .form, isElsewhere || ![307, 308].contains(reply.status) { return answer }
            if isElsewhere { request.secretHeaders = [] }
            url = next
            request.url = next.text
        }
        throw RegistryError(.invalidResponse, host: host, message: "too many redirects of the token server")
    }

    /// Whether a token server may be used that an answer names: no less safe than the way that the answer came.
    func isUsable(_ realm: RegistryURL, from url: RegistryURL) -> Bool {
        allows(realm) && (realm.scheme == "https" || url.scheme == "http")
    }

    private func tokenRequest(
        _ question: TokenQuestion,
        _ form: Form,
        _ credential: RegistryCredential
    ) throws(RegistryError) -> CurlRequest {
        let service = question.service.map { [("service", $0)] } ?? []
        var request: CurlRequest
        switch form {
        case .form:
            let scopes = question.scopes.isEmpty ? [] : [("scope", question.scopes.joined(separator: " "))]
            let parameters = try service + scopes + grant(credential) + [("client_id", "longshore")]
            request = CurlRequest(
                method: form.rawValue,
                url: question.realm.text,
                headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(RegistryURL.query(parameters).utf8)
            )
        case .query:
            request = CurlRequest(url: question.realm.adding(service + question.scopes.map { ("scope", $0) }))
            if let shown = credential.tokenServerAuthorization { request.secretHeaders = [("Authorization", shown)] }
        }
        request.headers.append(("Accept", "application/json"))
        request.totalTimeout = client.configuration.requestTimeout
        request.maximumResponseBytes = 1 << 20
        request.addressPolicy = client.configuration.addressPolicy
        return request
    }

    private func grant(_ credential: RegistryCredential) throws(RegistryError) -> [(String, String)] {
        func text(_ secret: SecretBytes, _ name: String) throws(RegistryError) -> String {
            if let text = secret.exposeUTF8() { return text }
            throw RegistryError(.unauthorized, host: host, message: "the \(name) is not text")
        }
        switch credential {
        case .identityToken(let token):
            return [("grant_type", "refresh_token"), ("refresh_token", try text(token, "identity token"))]
        case .basic(let username, let password):
            return [
                ("grant_type", "password"), ("username", username), ("password", try text(password, "password")),
            ]
        case .anonymous, .registryToken: return []
        }
    }

    /// Makes the error of a token server's answer.
    private func tokenError(
        _ answer: TokenReply,
        _ form: Form,
        _ credential: RegistryCredential
    ) async -> RegistryError {
        let reply = answer.reply
        let server = RegistryURL(answer.request.url)?.authority ?? host
        var error = RegistryError(
            host: host,
            status: reply.status,
            retryAfter: reply.header("Retry-After"),
            date: reply.header("Date"),
            body: await reply.errorBody(),
            scrubber: self.credential.scrubber,
            speaker: "the token server \(server)"
        )
        error.tokenRequest = answer.request
        error.isElsewhere = answer.isElsewhere
        // What is not found here is the token server and not the image.
        if error.code == .notFound { error.code = .invalidResponse }
        // RFC 6749 §5.2: a refresh token that is not taken gives 400 "invalid_grant".
        if reply.status == 400, form == .form, case .identityToken = credential { error.code = .unauthorized }
        // It was not shown the credential; a node's runtime, whose rules are others, may be let in.
        if answer.isElsewhere, !credential.isAnonymous, [.unauthorized, .forbidden].contains(error.code) {
            error.code = .unsupported
        }
        return error
    }
}
