package import Curl
import Redaction
import WireFormats

/// Why a registry did not give what it was asked for.
///
/// The text is scrubbed of the credential and bounded; a registry's own words are in it where it gave some.
package struct RegistryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was; constant text, fit for a metric label.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// No or a wrong credential.
        case unauthorized
        /// The credential is known, but does not allow this.
        case forbidden
        /// There is no such repository, tag or blob (or none that the credential may see).
        case notFound
        /// The registry's owner does not let this image be had: a policy of the project, a bill that was not paid, a court.
        case policyDenied
        /// Too many requests; see ``RegistryError/retryAfter``.
        case rateLimited
        /// TLS failed, or the registry's certificate is not trusted.
        case tls
        /// The registry could not be reached or broke off.
        case network
        /// The registry answered with 5xx.
        case unavailable
        /// The content is not what its digest says.
        case digestMismatch
        /// The answer is not one of a registry.
        case invalidResponse
        /// The answer is larger than allowed.
        case tooLarge
        /// The time has passed.
        case timeout
        /// The registry speaks an older protocol or asks for an authentication that is not known.
        case unsupported
        /// The index has no image for the platform.
        case platformNotFound
        /// The registry's address, its token server's or a redirect's may not be connected to.
        case addressRefused
        /// The name, tag or host cannot be one.
        case invalidReference
        /// The calling task was cancelled, or the client closed.
        case cancelled
    }

    /// What kind of failure it was.
    package var code: Code
    /// The registry, `host[:port]`.
    package var host: String
    /// The status of the registry's (or its token server's) answer, where there was one.
    package var httpStatus: Int?
    /// A text for people, at most 512 bytes.
    package var message: String
    /// How long the registry asks to wait, at most a day.
    package var retryAfter: Duration?
    /// Why an address was refused; only with ``Code/addressRefused``.
    package var refusal: AddressPolicy.Reason?
    /// Whether the same request may succeed later.
    package var isRetryable: Bool { code.isRetryable }
    /// What a token server was asked, where it is the token server that failed.
    package var tokenRequest: TokenServerRequest?
    /// Whether the credential itself was refused, not only its use for one repository.
    var refusesCredential = false
    /// Whether a host that the registry redirects to is the reason: then nothing is known about the credential.
    var isElsewhere = false

    /// Makes an error.
    package init(
        _ code: Code,
        host: String,
        httpStatus: Int? = nil,
        message: String,
        retryAfter: Duration? = nil
    ) {
        self.code = code
        self.host = host
        self.httpStatus = httpStatus
        self.message = message
        self.retryAfter = retryAfter
    }

    /// Host, code and message.
    package var description: String {
        "\(host): \(code.rawValue)\(httpStatus.map { " (HTTP \($0))" } ?? ""): \(message)"
    }
}

/// A request to a token server, without what was secret of it.
package struct TokenServerRequest: Sendable, Hashable {
    /// `GET` or `POST`.
    package var method: String
    /// Where to, with the query.
    package var url: String
    /// Whether it was asked without a credential.
    package var isAnonymous: Bool
}

extension RegistryError.Code {
    /// Whether this kind of failure tends to pass by itself.
    var isRetryable: Bool {
        switch self {
        case .rateLimited, .network, .unavailable, .timeout, .invalidResponse, .digestMismatch: true
        case .unauthorized, .forbidden, .notFound, .policyDenied, .tls, .tooLarge, .unsupported, .platformNotFound,
            .addressRefused, .invalidReference, .cancelled:
            false
        }
    }
}

extension RegistryError {
    /// Maps a failed transfer.
    init(_ error: CurlError, host: String) {
        let code: Code =
            switch error.code {
            case .couldNotConnect, .resolve, .sendReceive, .aborted: .network
            case .timeout: .timeout
            case .tls: error.isRetryable ? .network : .tls
            case .addressRefused: .addressRefused
            case .tooLarge: .tooLarge
            case .invalidRequest: .invalidReference
            case .protocol: .invalidResponse
            case .cancelled, .closed: .cancelled
            }
        self.init(code, host: host, message: error.message)
        refusal = error.refusal
    }

    /// Maps an answer that is not a success.
    ///
    /// - Parameters:
    ///   - host: The registry.
    ///   - status: The answer's status.
    ///   - retryAfter: The header `Retry-After`.
    ///   - date: The header `Date`: the registry's clock, by which it gave a time to come back at.
    ///   - body: The start of the body.
    ///   - scrubber: Knows the credential.
    ///   - speaker: Who answered, where it was not the registry.
    init(
        host: String,
        status: Int,
        retryAfter: String?,
        date: String? = nil,
        body: [UInt8],
        scrubber: Scrubber,
        speaker: String? = nil
    ) {
        let codes = Self.codes(of: body)
        let code: Code =
            switch status {
            // Harbor gives its policies their own code, and 412 with it; a proxy before it may have a status of its own.
            case 400..<500 where codes.contains(where: { $0.hasPrefix("PROJECTPOLICYVIOLATION") }): .policyDenied
            case 401: .unauthorized
            case 402, 412, 451: .policyDenied
            case 403: .forbidden
            case 404: .notFound
            case 408: .timeout
            case 413: .tooLarge
            case 429: .rateLimited
            case 500...: .unavailable
            default: .invalidResponse
            }
        let words = Self.words(of: body).map { words in speaker.map { "\($0) answered: \(words)" } ?? words }
        let text = words ?? "\(speaker ?? "the registry") answered with status \(status)"
        self.init(code, host: host, httpStatus: status, message: scrubber.scrub(text, limit: 512))
        guard code == .rateLimited || code == .unavailable else { return }
        let now = date.flatMap(RetryAfter.date)
        self.retryAfter = retryAfter.flatMap { RetryAfter.duration($0, now: now) }.map { min($0, .seconds(86_400)) }
    }

    /// What is said of a manifest of Docker's schema 1.
    package static let schema1Message = "the manifest is of schema 1"

    /// The registry's error codes (distribution specification, "Error Codes"), without underscores.
    private static func codes(of body: [UInt8]) -> [String] {
        let limits = JSONValue.ParsingLimits(maximumDepth: 16, maximumBytes: 64 << 10)
        let json = try? JSONValue(parsing: body, limits: limits)
        return json?["errors"]?.array?.prefix(3).compactMap { error in
            error["code"]?.string.map { code in String(code.uppercased().filter { $0 != "_" }) }
        } ?? []
    }

    /// The registry's own words (distribution specification, "Error Codes"), or those of a token server.
    private static func words(of body: [UInt8]) -> String? {
        let limits = JSONValue.ParsingLimits(maximumDepth: 16, maximumBytes: 64 << 10)
        guard let json = try? JSONValue(parsing: body, limits: limits) else { return nil }
        let errors = json["errors"]?.array?.prefix(3).compactMap { error -> String? in
            let parts = [error["code"]?.string, error["message"]?.string].compactMap(\.self)
            return parts.isEmpty ? nil : parts.joined(separator: ": ")
        }
        if let errors, !errors.isEmpty { return errors.joined(separator: "; ") }
        return json["details"]?.string ?? json["error_description"]?.string ?? json["message"]?.string
    }
}
