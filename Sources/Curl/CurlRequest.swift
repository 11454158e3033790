package import Redaction

/// One HTTP request.
///
/// Redirects are never followed, no proxy is used (also not one named in the environment), no cookie is kept and no
/// body is decompressed.
package struct CurlRequest: Sendable {
    /// The method, a token of RFC 9110; `GET` by default.
    package var method: String
    /// An absolute `http` or `https` URL without user information.
    package var url: String
    /// Headers in the order sent. A header that libcurl would add by itself is replaced by the one given here.
    package var headers: [(name: String, value: String)]
    /// Headers whose values are secret: they are in no error text, and their copies are zeroed after use.
    package var secretHeaders: [(name: String, value: SecretBytes)]
    /// The body; nil sends none (and `Content-Length: 0` with POST, PUT and PATCH).
    package var body: [UInt8]?
    /// The longest time from the call to the last byte of the response, name resolution included; nil for no limit.
    package var totalTimeout: Duration?
    /// The longest time until the connection, with TLS, is open; 10 s by default.
    package var connectTimeout: Duration
    /// The longest time without a byte sent or received, also before the status line; nil for no limit.
    package var idleTimeout: Duration?
    /// The most bytes of the response body; nil for no limit but the client's
    /// ``CurlClient/Configuration/maximumBufferedBytes``.
    package var maximumResponseBytes: Int?
    /// Whether a body beyond ``maximumResponseBytes`` is cut there, rather than failing with ``CurlError/Code/tooLarge``;
    /// false by default.
    package var truncatesResponse: Bool
    /// Whether the status decides alone: a response whose body breaks off, cannot be read or takes longer than ``bodyTimeout``
    /// is returned with what there is of the body, and ``CurlResponse/isTruncated`` set; false by default.
    package var toleratesBrokenBody: Bool
    /// The longest time for the body, counted from the end of the headers; nil, the default, for no limit but
    /// ``totalTimeout``. Only with ``toleratesBrokenBody``.
    package var bodyTimeout: Duration?
    /// Which addresses the host may have; nil for all. See ``AddressPolicy``.
    package var addressPolicy: AddressPolicy?

    /// Makes a request.
    package init(
        method: String = "GET",
        url: String,
        headers: [(name: String, value: String)] = [],
        secretHeaders: [(name: String, value: SecretBytes)] = [],
        body: [UInt8]? = nil,
        totalTimeout: Duration? = nil,
        connectTimeout: Duration = .seconds(10),
        idleTimeout: Duration? = nil,
        maximumResponseBytes: Int? = nil,
        truncatesResponse: Bool = false,
        toleratesBrokenBody: Bool = false,
        bodyTimeout: Duration? = nil,
        addressPolicy: AddressPolicy? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.secretHeaders = secretHeaders
        self.body = body
        self.totalTimeout = totalTimeout
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
        self.maximumResponseBytes = maximumResponseBytes
        self.truncatesResponse = truncatesResponse
        self.toleratesBrokenBody = toleratesBrokenBody
        self.bodyTimeout = bodyTimeout
        self.addressPolicy = addressPolicy
    }
}
