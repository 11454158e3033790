/// What the path of a request names: a group and version, perhaps a resource, a namespace, a name, a subresource.
struct RequestTarget: Sendable, Equatable {
    var group = ""
    var version = ""
    var namespace: String?
    var resource = ""
    var name: String?
    var subresource: String?

    /// Reads `/api/v1/...` and `/apis/<group>/<version>/...` with at least a resource; nil for any other path.
    init?(path: String) {
        var parts = path.split(separator: "/").map { PercentEncoding.decode($0, plusIsSpace: false) }
        guard let root = parts.first else { return nil }
        parts.removeFirst()
        if root == "apis" {
            guard let first = parts.first else { return nil }
            group = first
            parts.removeFirst()
        } else if root != "api" {
            return nil
        }
        guard let version = parts.first else { return nil }
        self.version = version
        parts.removeFirst()
        if parts.count >= 3, parts[0] == "namespaces", !Self.isNamespaceSubresource(parts) {
            namespace = parts[1]
            parts.removeFirst(2)
        }
        guard let resource = parts.first, parts.count <= 3 else { return nil }
        self.resource = resource
        if parts.count >= 2 { name = parts[1] }
        if parts.count == 3 { subresource = parts[2] }
    }

    private static func isNamespaceSubresource(_ parts: [String]) -> Bool {
        parts.count == 3 && (parts[2] == "status" || parts[2] == "finalize")
    }
}

/// Percent encoding of paths and query strings (RFC 3986).
enum PercentEncoding {
    /// Decodes; an incomplete escape stays as it is, bad UTF-8 is repaired.
    static func decode(_ text: some StringProtocol, plusIsSpace: Bool) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            if byte == UInt8(ascii: "%") {
                let saved = rest
                if let high = rest.next(), let low = rest.next(),
                    let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
                {
                    bytes.append(value)
                } else {
                    rest = saved
                    bytes.append(byte)
                }
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The parameters behind the `?` of a request; of several with one name the first counts.
struct QueryParameters: Sendable {
    private var values: [String: String] = [:]

    init(_ query: String) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = PercentEncoding.decode(parts[0], plusIsSpace: true)
            guard values[name] == nil else { continue }
            values[name] = parts.count == 2 ? PercentEncoding.decode(parts[1], plusIsSpace: true) : ""
        }
    }

    /// The value, or nil when it is missing or empty.
    subscript(name: String) -> String? {
        guard let value = values[name], !value.isEmpty else { return nil }
        return value
    }

    /// Whether a flag is set, as Go's `strconv.ParseBool` reads it.
    func flag(_ name: String) -> Bool {
        switch values[name] {
        case "true", "1", "t", "T", "TRUE", "True": true
        default: false
        }
    }

    func integer(_ name: String) -> Int? { self[name].flatMap(Int.init) }
}
