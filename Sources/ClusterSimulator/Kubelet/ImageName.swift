/// An image reference as the kubelet and containerd read it (the grammar of the distribution project, normalised as Docker does).
struct ImageName: Hashable, Sendable {
    /// The registry's name with its port, `docker.io` for Docker Hub.
    var domain: String
    var path: String
    var tag: String?
    var digest: String?

    /// `docker.io/library/nginx`
    var repository: String { "\(domain)/\(path)" }

    /// The whole name, with the tag `latest` where neither tag nor digest is given.
    var canonical: String {
        var text = repository
        if let tag { text += ":\(tag)" } else if digest == nil { text += ":latest" }
        if let digest { text += "@\(digest)" }
        return text
    }

    /// The host that serves the registry's API.
    var registryHost: String { domain == "docker.io" ? "registry-1.docker.io" : domain }

    /// What the manifest is asked for by: the digest when there is one.
    var reference: String { digest ?? tag ?? "latest" }

    /// Nil when the text is not a valid reference.
    init?(parsing text: String) {
        guard !text.isEmpty, text.utf8.count <= 4_096 else { return nil }
        var rest = text[...]
        if let at = rest.lastIndex(of: "@") {
            let value = String(rest[rest.index(after: at)...])
            guard Self.isDigest(value) else { return nil }
            digest = value
            rest = rest[..<at]
        }
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            let value = String(rest[rest.index(after: colon)...])
            guard Self.isTag(value) else { return nil }
            tag = value
            rest = rest[..<colon]
        }
        // 64 hex digits alone would be taken for an image id.
        guard !(rest.utf8.count == 64 && rest.utf8.allSatisfy(Self.isLowerHex)) else { return nil }
        let slash = rest.firstIndex(of: "/")
        if let slash, Self.isDomain(rest[..<slash]) {
            domain = String(rest[..<slash])
            path = String(rest[rest.index(after: slash)...])
        } else {
            domain = "docker.io"
            path = String(rest)
        }
        if domain == "index.docker.io" { domain = "docker.io" }
        if domain == "docker.io", !path.contains("/") { path = "library/\(path)" }
        guard Self.isValidDomain(domain), repository.utf8.count <= 255 + domain.utf8.count else { return nil }
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        guard components.allSatisfy(Self.isPathComponent) else { return nil }
    }

    /// Whether the first part of a name is a host: it has a dot, a port or an upper-case letter, or is `localhost`.
    private static func isDomain(_ text: Substring) -> Bool {
        text == "localhost" || text.contains { $0 == "." || $0 == ":" } || text.contains { $0.isUppercase }
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerAlphanumeric(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    private static func isDigest(_ text: String) -> Bool {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.allSatisfy(isLowerHex) else { return false }
        switch parts[0] {
        case "sha256": return parts[1].utf8.count == 64
        case "sha384": return parts[1].utf8.count == 96
        case "sha512": return parts[1].utf8.count == 128
        default: return false
        }
    }

    private static func isTag(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
        guard isAlphanumeric(first) || first == UInt8(ascii: "_") else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
    }

    private static func isValidDomain(_ text: String) -> Bool {
        var host = text[...]
        if host.first == "[" {
            guard let close = host.firstIndex(of: "]") else { return false }
            let address = host[host.index(after: host.startIndex)..<close]
            guard !address.isEmpty, address.utf8.allSatisfy({ isLowerHex($0) || $0 == UInt8(ascii: ":") }) else {
                return false
            }
            host = host[host.index(after: close)...]
            return host.isEmpty || (host.first == ":" && isPort(host.dropFirst()))
        }
        if let colon = host.firstIndex(of: ":") {
            guard isPort(host[host.index(after: colon)...]) else { return false }
            host = host[..<colon]
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.utf8.first, let last = label.utf8.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isPort(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Lower-case words joined by one dot, one or two underscores, or dashes.
    private static func isPathComponent(_ text: Substring) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, isLowerAlphanumeric(first), isLowerAlphanumeric(last)
        else { return false }
        var separators: [UInt8] = []
        for byte in bytes {
            if isLowerAlphanumeric(byte) {
                guard isSeparator(separators) else { return false }
                separators = []
            } else {
                separators.append(byte)
            }
        }
        return true
    }

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        if bytes.isEmpty || bytes.allSatisfy({ $0 == UInt8(ascii: "-") }) { return true }
        return bytes == [UInt8(ascii: ".")] || bytes == Array("_".utf8) || bytes == Array("__".utf8)
    }

    /// The pull policy of an image without one: `Always` for the tag `latest`, otherwise `IfNotPresent`.
    static func defaultPullPolicy(_ text: String) -> String {
        guard let name = ImageName(parsing: text) else { return "IfNotPresent" }
        return name.digest == nil && (name.tag ?? "latest") == "latest" ? "Always" : "IfNotPresent"
    }
}
