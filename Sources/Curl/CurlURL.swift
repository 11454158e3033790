import CCurl

/// A URL that libcurl's own parser has read, so that what is judged is what is connected to.
struct CurlURL {
    /// The URL as libcurl writes it.
    let text: String
    /// Whether the scheme is `https`; otherwise it is `http`.
    let isSecure: Bool
    /// The host without brackets, numeric IPv4 forms already turned into four decimals.
    let host: String
    /// The port, the scheme's own where the URL has none.
    let port: Int

    /// The host's address where the host is one.
    var literal: IPAddress? { IPAddress(host) }

    /// Reads a URL.
    ///
    /// - Throws: ``CurlError/Code/invalidRequest`` for anything but an absolute http or https URL without user
    ///   information; the text does not quote the URL.
    init(parsing url: String) throws(CurlError) {
        guard let handle = curl_url() else { throw CurlError(.aborted, "out of memory") }
        defer { curl_url_cleanup(handle) }
        // libcurl would turn an international host name into ASCII by the process's locale; nothing sets that here.
        guard url.utf8.count <= 16 << 10, url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw CurlError(.invalidRequest, "the URL is too long or holds more than visible ASCII characters")
        }
        // Before libcurl sees it: user information in any spelling, and backslashes, which other parsers take for "/".
        let authority = url.utf8.drop { $0 != UInt8(ascii: "/") }.drop { $0 == UInt8(ascii: "/") }
            .prefix { !"/?#".utf8.contains($0) }
        guard !authority.contains(where: { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "\\") }) else {
            throw CurlError(.invalidRequest, "the URL holds user information")
        }
        let flags = UInt32(CURLU_DISALLOW_USER | CURLU_PATH_AS_IS)
        guard curl_url_set(handle, CURLUPART_URL, url, flags) == CURLUE_OK else {
            throw CurlError(.invalidRequest, "the URL cannot be read")
        }
        guard let scheme = Self.part(CURLUPART_SCHEME, of: handle), scheme == "https" || scheme == "http" else {
            throw CurlError(.invalidRequest, "the URL's scheme is neither https nor http")
        }
        guard let host = Self.part(CURLUPART_HOST, of: handle), !host.isEmpty,
            let port = Self.part(CURLUPART_PORT, of: handle, flags: UInt32(CURLU_DEFAULT_PORT)).flatMap({ Int($0) }),
            (1...65535).contains(port), let text = Self.part(CURLUPART_URL, of: handle)
        else {
            throw CurlError(.invalidRequest, "the URL's host or port cannot be used")
        }
        guard Self.part(CURLUPART_ZONEID, of: handle) == nil else {
            throw CurlError(.invalidRequest, "the URL's address has a zone")
        }
        self.text = text
        self.isSecure = scheme == "https"
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        self.port = port
    }

    private static func part(_ part: CURLUPart, of handle: OpaquePointer, flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
