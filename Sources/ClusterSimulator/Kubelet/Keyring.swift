import Redaction
import WireFormats

/// The registry credentials of one Pod, matched to images as the kubelet's keyring does (`pkg/credentialprovider`).
struct Keyring: Sendable {
    struct Credential: Sendable, Equatable {
        var username: String
        var password: SecretBytes
        /// `namespace/name` of the Secret it came from.
        var source: String
    }

    private var byKey: [String: [Credential]] = [:]
    /// The keys in reverse order, so that a longer path comes before its prefix.
    private var keys: [String] = []

    var isEmpty: Bool { keys.isEmpty }

    /// Adds what a Secret of type `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg` holds; any other is ignored.
    mutating func add(secret: JSONValue) {
        let source =
            "\(secret[path: "metadata", "namespace"]?.string ?? "")/\(secret[path: "metadata", "name"]?.string ?? "")"
        let data = secret["data"] ?? [:]
        let entries: JSONObject
        switch secret["type"]?.string {
        case "kubernetes.io/dockerconfigjson":
            entries = Self.json(data[".dockerconfigjson"])["auths"]?.object ?? [:]
        case "kubernetes.io/dockercfg": entries = Self.json(data[".dockercfg"]).object ?? [:]
        default: return
        }
        for (location, entry) in entries {
            guard let credential = Self.credential(entry, source: source) else { continue }
            add(location, credential)
        }
    }

    private static func json(_ value: JSONValue?) -> JSONValue {
        guard let bytes = value?.string.flatMap(Base64.decode), let json = try? JSONValue(parsing: bytes) else {
            return .null
        }
        return json
    }

    /// User name and password are all the kubelet reads: an identity token alone is no credential to it.
    private static func credential(_ entry: JSONValue, source: String) -> Credential? {
        if let auth = entry["auth"]?.string, !auth.isEmpty {
            guard let bytes = Base64.decode(auth), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
                return nil
            }
            return Credential(
                username: String(decoding: bytes[..<colon], as: UTF8.self),
                password: SecretBytes(Array(bytes[(colon + 1)...])),
                source: source
            )
        }
        return Credential(
            username: entry["username"]?.string ?? "",
            password: SecretBytes(utf8: entry["password"]?.string ?? ""),
            source: source
        )
    }

    mutating func add(_ location: String, _ credential: Credential) {
        var text = location[...]
        for scheme in ["https://", "http://"] where text.hasPrefix(scheme) { text = text.dropFirst(scheme.count) }
        let slash = text.firstIndex(of: "/") ?? text.endIndex
        let host = text[..<slash]
        var path = text[slash...]
        if path.hasPrefix("/v2/") || path.hasPrefix("/v1/") { path = path.dropFirst(3) }
        let key = path.isEmpty || path == "/" ? String(host) : String(host + path)
        byKey[key, default: []].append(credential)
        keys = byKey.keys.sorted(by: >)
    }

    // MARK: Look-up

    /// The credentials to try for a repository (`host/path`, without tag), in order.
    func credentials(for repository: String) -> [Credential] {
        let matching = keys.filter { Self.matches($0, repository) }.flatMap { byKey[$0] ?? [] }
        if !matching.isEmpty { return matching }
        return Self.isDefaultRegistry(repository) ? byKey["index.docker.io"] ?? [] : []
    }

    /// Whether a key covers a repository: the same port, the same number of host labels, each matching as a glob, and a path
    /// that begins with the key's, byte for byte.
    static func matches(_ key: String, _ repository: String) -> Bool {
        let (globHost, globPath) = split(key)
        let (host, path) = split(repository)
        let (globLabels, globPort) = labels(globHost)
        let (hostLabels, port) = labels(host)
        guard globPort == port, globLabels.count == hostLabels.count, path.hasPrefix(globPath) else { return false }
        return zip(globLabels, hostLabels).allSatisfy { glob($0, $1) }
    }

    private static func split(_ text: String) -> (Substring, Substring) {
        let slash = text.firstIndex(of: "/") ?? text.endIndex
        return (text[..<slash], text[slash...])
    }

    private static func labels(_ host: Substring) -> ([Substring], Substring) {
        let colon = host.lastIndex(of: ":")
        let name = colon.map { host[..<$0] } ?? host
        let port = colon.map { host[host.index(after: $0)...] } ?? ""
        return (name.split(separator: ".", omittingEmptySubsequences: false), port)
    }

    /// `*` and `?` within one label.
    private static func glob(_ pattern: Substring, _ text: Substring) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            return glob(pattern.dropFirst(), text) || (!text.isEmpty && glob(pattern, text.dropFirst()))
        }
        guard let character = text.first, first == "?" || first == character else { return false }
        return glob(pattern.dropFirst(), text.dropFirst())
    }

    /// Whether the first part of the name is no registry, so that Docker Hub is meant.
    private static func isDefaultRegistry(_ image: String) -> Bool {
        let parts = image.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, !first.isEmpty else { return false }
        if parts.count == 1 || first == "docker.io" || first == "index.docker.io" { return true }
        return !first.contains { $0 == "." || $0 == ":" }
    }
}
