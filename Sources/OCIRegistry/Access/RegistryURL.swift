/// A URL that a registry has named: a token server's or a redirect's.
struct RegistryURL: Sendable, Hashable {
    /// `http` or `https`.
    let scheme: String
    /// The host without brackets, in lower case.
    let host: String
    /// The port, the scheme's own where none is named.
    let port: Int
    /// The whole URL.
    let text: String

    /// Reads an absolute URL without user information; nil for anything else.
    init?(_ text: String) {
        guard text.utf8.count <= 16 << 10, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://")
        else { return nil }
        let scheme = text[..<colon].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = text[text.index(colon, offsetBy: 3)...]
        let authority = rest.prefix { !"/?#".contains($0) }
        // What is neither a name nor an address, such as user information, gives nil here.
        guard let (host, port) = RegistryEndpoint.split(String(authority)) else { return nil }
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port ?? (scheme == "https" ? 443 : 80)
        self.text = text
    }

    /// Reads the `Location` of an answer: absolute, or relative to the answer's own URL (RFC 3986 §4.2). Dots in a path are
    /// left to the server.
    init?(location: String, from base: RegistryURL) {
        let start = location.prefix { !"/?#".contains($0) }
        if location.hasPrefix("//") {
            self.init("\(base.scheme):\(location)")
        } else if location.hasPrefix("/") {
            self.init("\(base.origin)\(location)")
        } else if location.isEmpty || location.hasPrefix("#") || start.contains(":") {
            self.init(location)
        } else {
            let path = base.text.prefix { $0 != "?" && $0 != "#" }.dropFirst("\(base.scheme)://".count)
            let root = path.firstIndex(of: "/").map { path[$0...] } ?? "/"
            let folder = root.prefix(through: root.lastIndex(of: "/") ?? root.startIndex)
            self.init("\(base.origin)\(location.hasPrefix("?") ? root : folder)\(location)")
        }
    }

    /// `host[:port]`, as image references have it.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (scheme == "https" ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// `scheme://host:port`.
    var origin: String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// The URL with more query parameters, percent-encoded.
    func adding(_ parameters: [(String, String)]) -> String {
        guard !parameters.isEmpty else { return text }
        let query = Self.query(parameters)
        let base = text.prefix { $0 != "#" }
        if base.hasSuffix("?") || base.hasSuffix("&") { return base + query }
        return base + (base.contains("?") ? "&" : "?") + query
    }

    /// `a=1&b=2`, everything but unreserved characters encoded (RFC 3986 §2.3).
    static func query(_ parameters: [(String, String)]) -> String {
        parameters.map { "\(encoded($0))=\(encoded($1))" }.joined(separator: "&")
    }

    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return result
    }
}
