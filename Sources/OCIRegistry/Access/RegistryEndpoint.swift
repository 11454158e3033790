import Curl

/// Where a registry is and how it is spoken to.
package struct RegistryEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// The host and, where it is not the scheme's own, the port; in lower case.
    package let host: String
    /// Whether plain HTTP is spoken: only with loopback hosts (as Docker does) and those that the operator lists.
    package let isPlainHTTP: Bool

    /// Reads `host[:port]`.
    ///
    /// - Parameters:
    ///   - host: As image references have it; the names of Docker Hub become the host of its registry.
    ///   - plainHTTPHosts: `host[:port]` of registries that speak plain HTTP.
    /// - Throws: ``RegistryError/Code/invalidReference``.
    package init(_ host: String, plainHTTPHosts: Set<String> = []) throws(RegistryError) {
        let lower = host.lowercased()
        let name = ["docker.io", "index.docker.io"].contains(lower) ? "registry-1.docker.io" : lower
        guard let (bare, port) = Self.split(name) else {
            throw RegistryError(.invalidReference, host: "", message: "the registry's host cannot be one")
        }
        self.host = name
        self.isPlainHTTP = plainHTTPHosts.contains(name) || (Self.isLoopback(bare) && port != 443)
    }

    /// `http` or `https`.
    package var scheme: String { isPlainHTTP ? "http" : "https" }

    /// `scheme://host[:port]`, without a trailing slash.
    package var origin: String { "\(scheme)://\(host)" }

    /// The host.
    package var description: String { host }

    /// Whether a host, without port and brackets, is this machine by name or by address.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        guard let address = IPAddress(host) else { return false }
        return AddressPolicy.publicOnly.verdict(for: address) == .refused(.loopback)
    }

    /// Splits `host[:port]`, brackets taken off; nil when it is not that.
    static func split(_ text: String) -> (host: String, port: Int?)? {
        guard text.utf8.count <= 300 else { return nil }
        let host: Substring
        let rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            guard IPAddress(String(host))?.isV6 == true else { return nil }
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<end]
            rest = text[end...]
            let isName = host.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E: true
                default: false
                }
            }
            guard isName, !host.isEmpty else { return nil }
        }
        if rest.isEmpty { return (String(host), nil) }
        let digits = rest.dropFirst().utf8
        guard rest.hasPrefix(":"), (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(rest.dropFirst()), (1...65_535).contains(port)
        else { return nil }
        return (String(host), port)
    }
}
