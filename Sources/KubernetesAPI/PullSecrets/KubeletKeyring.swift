package import Redaction

/// Matches the registry credentials in a Pod's pull Secrets to images exactly as the kubelet does.
///
/// The rules are those of Kubernetes 1.36 (`pkg/credentialprovider`, `pkg/credentialprovider/secrets`): port and number of host
/// labels must be the same, `*` stands for anything within one label, letter case counts, and a key's path is a plain prefix
/// of the image's. Every matching credential is tried, the more specific key first, and a pull is anonymous only when none
/// matches.
package struct KubeletKeyring: Sendable {
    /// What the kubelet hands to the runtime for one attempt.
    package struct Credential: Sendable, Equatable {
        /// The user name.
        package var username: String
        /// The password; not empty even where the user name is.
        package var password: SecretBytes
        /// `namespace/name` of the Secret it came from.
        package var source: String

        /// Makes a credential.
        package init(username: String, password: SecretBytes, source: String) {
            self.username = username
            self.password = password
            self.source = source
        }

        /// Whether the runtime sends nothing: containerd passes over a credential without a user name, such as that of an empty
        /// entry (`ParseAuth`).
        package var isAnonymous: Bool { username.isEmpty }
    }

    /// A Secret that the kubelet cannot read; it then pulls no image of the Pod that names it.
    package struct UnreadableSecret: Error, Sendable, Hashable {
        /// The kubelet's words, which quote no value of the Secret.
        package let message: String
    }

    /// Whether a container's waiting reason is the kubelet's error about a pull Secret: instead of a word for the reason it
    /// shows the error's text.
    ///
    /// - Parameter waitingReason: The `reason` of a container's waiting state.
    /// - Returns: True for such an error; no pull has been tried then.
    package static func isRefusal(waitingReason: String) -> Bool {
        [
            "illegal base64 data at input byte ", "unable to parse auth field", "json: cannot unmarshal ",
            "invalid character ", "unexpected end of JSON input",
        ].contains { waitingReason.hasPrefix($0) }
    }

    private struct Key: Sendable {
        /// Host and path, without scheme and API version.
        var text: String
        /// The same once more as a URL; nil when it cannot be read again, so that it matches nothing.
        var location: RegistryLocation?
        var credentials: [Credential]
    }

    /// In reverse order of their bytes, so that a longer path comes before its prefix.
    private var keys: [Key] = []

    /// Makes a keyring without credentials.
    package init() {}

    /// Whether there are no credentials.
    package var isEmpty: Bool { keys.isEmpty }

    /// Adds what a Secret holds; one of another type than `kubernetes.io/dockerconfigjson` and `kubernetes.io/dockercfg`
    /// is ignored, and so are entries whose key is no URL.
    ///
    /// - Parameter secret: The Secret. Those of a Pod are added in the order in which the Pod names them.
    /// - Throws: ``UnreadableSecret`` when one of the entries, or the text itself, keeps the kubelet from going on.
    package mutating func add(_ secret: Secret) throws(UnreadableSecret) {
        let entries: [DockerConfigurationReading.Entry]
        do throws(DockerConfigurationReading.Failure) {
            switch secret.type {
            case Secret.dockerConfigJSONType:
                guard let content = secret.data[Secret.dockerConfigJSONKey], !content.isEmpty else { return }
                entries = try DockerConfigurationReading.dockerConfigJSON(content.exposeBytes())
            case Secret.dockercfgType:
                guard let content = secret.data[Secret.dockercfgKey], !content.isEmpty else { return }
                entries = try DockerConfigurationReading.dockercfg(content.exposeBytes())
            default: return
            }
        } catch {
            throw UnreadableSecret(message: error.message)
        }
        let source = "\(secret.metadata.namespace ?? "")/\(secret.metadata.name ?? "")"
        for entry in entries {
            let password = SecretBytes(entry.password)
            add(entry.key, Credential(username: entry.username, password: password, source: source))
        }
    }

    /// Adds one entry.
    ///
    /// - Parameters:
    ///   - location: Its key in `auths`. One that is no URL is ignored.
    ///   - credential: Its credential.
    package mutating func add(_ location: String, _ credential: Credential) {
        guard let parsed = RegistryLocation(parsing: location) else { return }
        var path = parsed.path[...]
        if path.hasPrefix("/v2/") || path.hasPrefix("/v1/") { path = path.dropFirst(3) }
        let text = path == "/" ? parsed.host : parsed.host + path
        if let index = keys.firstIndex(where: { $0.text.utf8.elementsEqual(text.utf8) }) {
            keys[index].credentials.append(credential)
            return
        }
        let key = Key(text: text, location: RegistryLocation(parsing: "https://\(text)"), credentials: [credential])
        let place = keys.firstIndex { $0.text.utf8.lexicographicallyPrecedes(text.utf8) } ?? keys.endIndex
        keys.insert(key, at: place)
    }

    /// Every credential, whatever image it is for.
    package var allCredentials: [Credential] { keys.flatMap(\.credentials) }

    // MARK: - Look-up

    /// Finds the credentials to try for an image.
    ///
    /// - Parameter repository: The image's normalised name without tag and digest, such as `docker.io/library/nginx`.
    /// - Returns: The credentials in the order in which they are tried; none means that the pull is anonymous.
    package func credentials(for repository: String) -> [Credential] {
        if let target = RegistryLocation(parsing: "https://\(repository)") {
            let matching = keys.filter { $0.location.map { Self.matches($0, target) } ?? false }
            if !matching.isEmpty { return matching.flatMap(\.credentials) }
        }
        guard Self.isDefaultRegistry(repository) else { return [] }
        return keys.first { $0.text == "index.docker.io" }?.credentials ?? []
    }

    private static func matches(_ key: RegistryLocation, _ target: RegistryLocation) -> Bool {
        let (pattern, patternPort) = key.labels
        let (names, port) = target.labels
        guard patternPort == port, pattern.count == names.count, target.path.utf8.starts(with: key.path.utf8) else {
            return false
        }
        return zip(pattern, names).allSatisfy { matches(Array($0.utf8), Array($1.utf8)) }
    }

    /// Go's `filepath.Match` for one label, in which `*` is the only special character that a host can have. An address in
    /// brackets is a character class to it, which no address matches.
    private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        guard !pattern.contains(UInt8(ascii: "[")) else { return false }
        var (next, position) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while position < text.count {
            if next < pattern.count, pattern[next] == UInt8(ascii: "*") {
                star = (next, position)
                next += 1
            } else if next < pattern.count, pattern[next] == text[position] {
                (next, position) = (next + 1, position + 1)
            } else if let last = star {
                // The last `*` takes one byte more: this keeps a key with many of them from taking exponential time.
                star = (last.pattern, last.text + 1)
                (next, position) = (last.pattern + 1, last.text + 1)
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Whether the kubelet takes a name for one of Docker Hub: `localhost/nginx` is one to it.
    static func isDefaultRegistry(_ image: String) -> Bool {
        let parts = image.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, !first.isEmpty else { return false }
        if parts.count == 1 || first == "docker.io" || first == "index.docker.io" { return true }
        return !first.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") }
    }
}
