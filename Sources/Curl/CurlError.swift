import CCurl

/// Why an HTTP transfer did not give a response.
///
/// A response with any status, 500 too, is not an error here. No text of it holds a header value, a body or a URL's
/// query.
package struct CurlError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was; constant text, fit for a metric label.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// No connection could be opened.
        case couldNotConnect
        /// The host name could not be resolved.
        case resolve
        /// The total, connect or idle time-out passed.
        case timeout
        /// The TLS handshake failed or the peer's certificate was not accepted.
        case tls
        /// The address policy of the request refuses an address of the host.
        case addressRefused
        /// The response was larger than the request allows.
        case tooLarge
        /// The transfer was given up by this side for another reason.
        case aborted
        /// The request cannot be sent as it is: URL, method or a header.
        case invalidRequest
        /// The peer broke the HTTP protocol.
        case `protocol`
        /// The connection broke while it was used.
        case sendReceive
        /// The calling task was cancelled.
        case cancelled
        /// The client was closed.
        case closed
    }

    /// What kind of failure it was.
    package var code: Code
    /// libcurl's own number (`CURLcode`); 0 where the failure did not come from libcurl.
    package var libraryCode: Int
    /// A short text for people, at most 256 bytes.
    package var message: String
    /// Whether the same request may succeed later.
    package var isRetryable: Bool
    /// Whether some of the request may have reached the peer: when false, even a request that is not idempotent can
    /// be sent again.
    package var requestMayHaveBeenSent: Bool
    /// Why the address policy refused; only with ``Code/addressRefused``.
    package var refusal: AddressPolicy.Reason?

    /// Makes an error that did not come from libcurl.
    package init(
        _ code: Code,
        _ message: String,
        isRetryable: Bool? = nil,
        requestMayHaveBeenSent: Bool = false,
        libraryCode: Int = 0,
        refusal: AddressPolicy.Reason? = nil
    ) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable ?? code.isUsuallyRetryable
        self.requestMayHaveBeenSent = requestMayHaveBeenSent
        self.libraryCode = libraryCode
        self.refusal = refusal
    }

    /// The code and the message.
    package var description: String { "\(code.rawValue): \(message)" }
}

extension CurlError.Code {
    /// Whether this kind of failure tends to pass by itself.
    var isUsuallyRetryable: Bool {
        switch self {
        case .couldNotConnect, .resolve, .timeout, .sendReceive, .protocol: true
        case .tls, .addressRefused, .tooLarge, .aborted, .invalidRequest, .cancelled, .closed: false
        }
    }
}

extension CurlError {
    /// Maps a failed `CURLcode`.
    ///
    /// - Parameters:
    ///   - result: What libcurl reported; not `CURLE_OK`.
    ///   - detail: libcurl's text for this failure, already scrubbed.
    ///   - sent: Whether the request may have left this machine.
    init(result: CURLcode, detail: String, sent: Bool) {
        let code = Code(result: result)
        // A reset in the middle of a handshake is a network fault; a certificate that is not accepted stays so.
        let isRetryable = result == CURLE_SSL_CONNECT_ERROR ? true : code.isUsuallyRetryable
        let text = detail.isEmpty ? CurlLibrary.text(result) : detail
        self.init(
            code,
            String(decoding: text.utf8.prefix(256), as: UTF8.self),
            isRetryable: isRetryable,
            requestMayHaveBeenSent: sent,
            libraryCode: Int(result.rawValue)
        )
    }
}

extension CurlError.Code {
    fileprivate init(result: CURLcode) {
        switch result {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: self = .resolve
        case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED: self = .couldNotConnect
        case CURLE_OPERATION_TIMEDOUT: self = .timeout
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED,
            CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_SHUTDOWN_FAILED, CURLE_USE_SSL_FAILED, CURLE_SSL_CLIENTCERT:
            self = .tls
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_HTTP2_STREAM,
            CURLE_SEND_FAIL_REWIND, CURLE_NO_CONNECTION_AVAILABLE:
            self = .sendReceive
        // "Unsupported protocol" is what an answer that is not HTTP gives: the URL's scheme was checked before.
        case CURLE_HTTP2, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_UNSUPPORTED_PROTOCOL:
            self = .protocol
        case CURLE_URL_MALFORMAT: self = .invalidRequest
        case CURLE_FILESIZE_EXCEEDED: self = .tooLarge
        default: self = .aborted
        }
    }
}
