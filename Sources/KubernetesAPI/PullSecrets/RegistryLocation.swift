/// Host and path of a registry as Go's `net/url` finds them in a Docker configuration's key, or in an image's name.
struct RegistryLocation: Sendable, Hashable {
    /// The host with its port, as written: `*` stays, letter case stays.
    let host: String
    /// The path with its first slash, percent-decoded; empty without one.
    let path: String

    /// Reads `host[:port][/path]`, with `https://` or `http://` before it or not.
    ///
    /// User information, query and fragment are left out, as by Go 1.26. It is nil where `url.Parse` reports an error: the
    /// kubelet ignores such a key.
    /// - Parameter text: A key of `auths`, or a repository.
    init?(parsing text: String) {
        var rest = Array(text.utf8)[...]
        for scheme in ["https://", "http://"] where rest.starts(with: scheme.utf8) {
            rest = rest.dropFirst(scheme.utf8.count)
            break
        }
        guard rest.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        if let hash = rest.firstIndex(of: UInt8(ascii: "#")) {
            guard Self.unescaped(rest[(hash + 1)...]) != nil else { return nil }
            rest = rest[..<hash]
        }
        if let question = rest.firstIndex(of: UInt8(ascii: "?")) { rest = rest[..<question] }
        let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        var authority = rest[..<slash]
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            let user = authority[..<at]
            guard user.allSatisfy(Self.isUserInformation), Self.unescaped(user) != nil else { return nil }
            authority = authority[(at + 1)...]
        }
        guard let host = Self.host(authority), let path = Self.unescaped(rest[slash...]) else { return nil }
        self.host = host
        self.path = path
    }

    /// The host's labels, and its port; no port is the same as an empty one.
    var labels: (names: [Substring], port: Substring) {
        var name = host[...]
        var port: Substring = ""
        if let colon = host.lastIndex(of: ":") {
            if host.hasPrefix("[") {
                // In brackets only together with a port: alone, Go's `SplitHostPort` leaves the text as it is.
                let before = host.index(before: colon)
                if host[before] == "]" {
                    name = host[host.index(after: host.startIndex)..<before]
                    port = host[host.index(after: colon)...]
                }
            } else {
                name = host[..<colon]
                port = host[host.index(after: colon)...]
            }
        }
        return (name.split(separator: ".", omittingEmptySubsequences: false), port)
    }

    // MARK: - Go's rules

    private static func host(_ text: ArraySlice<UInt8>) -> String? {
        if let bracket = text.lastIndex(of: UInt8(ascii: "[")) {
            // Only an IPv6 address may stand in brackets.
            guard bracket == text.startIndex, let close = text.lastIndex(of: UInt8(ascii: "]")),
                isPort(text[(close + 1)...]), isIPv6Like(text[(bracket + 1)..<close])
            else { return nil }
            return String(decoding: text, as: UTF8.self)
        }
        if let colon = text.firstIndex(of: UInt8(ascii: ":")), !isPort(text[colon...]) { return nil }
        return unescaped(text, isHost: true)
    }

    /// Nothing, or a colon and any number of digits.
    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return true }
        return first == UInt8(ascii: ":")
            && text.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isIPv6Like(_ text: ArraySlice<UInt8>) -> Bool {
        text.filter { $0 == UInt8(ascii: ":") }.count >= 2
            && text.allSatisfy {
                Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 || $0 == UInt8(ascii: ":")
                    || $0 == UInt8(ascii: ".")
            }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    private static func isUserInformation(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "-._:~!$&'()*+,;=%@".utf8.contains(byte)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        byte >= 0x80 || isAlphanumeric(byte) || "-_.~!$&'()*+,;=:[]<>\"".utf8.contains(byte)
    }

    /// Percent-decodes; nil for what is no escape, and in hosts for what may not stand there or not be escaped there.
    private static func unescaped(_ text: ArraySlice<UInt8>, isHost: Bool = false) -> String? {
        var result: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < text.endIndex, let high = digit(text[index + 1]), let low = digit(text[index + 2])
                else {
                    return nil
                }
                let value = high << 4 | low
                // RFC 3986 §3.2.2: in a host only what is not ASCII is escaped.
                guard !isHost || value >= 0x80 || value == UInt8(ascii: "%") else { return nil }
                result.append(value)
                index += 3
            } else {
                guard !isHost || isHostByte(byte) else { return nil }
                result.append(byte)
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        guard byte < 0x80, let value = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
        return UInt8(value)
    }
}
