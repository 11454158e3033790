/// The part of a registry that a credential is for: `host[:port][/path]`.
///
/// A scope covers the images whose registry is exactly its host and port and whose repository is its path or lies below it,
/// by whole segments: `harbor.example.com/ml` covers `harbor.example.com/ml/train` and not `harbor.example.com/mlx/a`.
package struct RegistryScope: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Host and port in lower case; every alias of Docker Hub is `docker.io`.
    package let host: String
    /// The repository or the prefix of repositories, without slashes at its ends.
    package let path: String?

    /// The most bytes that a scope's text can have.
    package static let maximumLength = 512
    /// The host that serves Docker Hub's registry API.
    package static let dockerHubRegistryHost = "registry-1.docker.io"

    private static let dockerHubAliases: Set<String> = ["docker.io", "index.docker.io", dockerHubRegistryHost]

    /// Reads a scope as users and Docker configuration files write them.
    ///
    /// A scheme is ignored, and so are leading path segments `v1` and `v2` where they can only be the API's version, as by
    /// the kubelet: `https://index.docker.io/v1/` is Docker Hub.
    /// - Parameter text: For example `harbor.example.com/ml`, `localhost:5000`, `https://ghcr.io/v2/`.
    /// - Throws: ``RegistryScopeError``, whose text never quotes the input.
    package init(parsing text: String) throws(RegistryScopeError) {
        let bytes = Array(text.utf8.prefix(Self.maximumLength + 1))
        guard !bytes.isEmpty else { throw RegistryScopeError(code: .empty) }
        guard bytes.count <= Self.maximumLength else { throw RegistryScopeError(code: .tooLong) }
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw RegistryScopeError(code: .invalidCharacter)
        }
        var rest = text[...]
        var hasScheme = false
        for scheme in ["https://", "http://"] where rest.lowercased().hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.utf8.count)
            hasScheme = true
            break
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let host = rest[..<slash].lowercased()
        try Self.check(host: host)
        self.host = Self.dockerHubAliases.contains(host) ? ImageReference.dockerHubDomain : host
        self.path = try Self.path(rest[slash...], hasScheme: hasScheme)
    }

    /// Makes the scope of a whole registry.
    ///
    /// - Parameter image: An image of that registry.
    package init(registryOf image: ImageReference) {
        let host = image.domain.lowercased()
        self.host = Self.dockerHubAliases.contains(host) ? ImageReference.dockerHubDomain : host
        self.path = nil
    }

    /// Whether a credential for this scope may be used for an image.
    ///
    /// - Parameter image: The image to be pulled.
    /// - Returns: True when host and port are the same (letter case aside) and the repository is within the path.
    package func matches(_ image: ImageReference) -> Bool {
        // As almost everybody writes it.
        guard image.domain == host || RegistryScope(registryOf: image).host == host else { return false }
        guard let path else { return true }
        return image.path == path || image.path.hasPrefix(path + "/")
    }

    /// How many path segments the scope names: of the scopes that cover an image, the largest wins.
    package var specificity: Int { path.map { $0.split(separator: "/").count } ?? 0 }

    /// The host alone.
    var hostWithoutPort: Substring {
        guard let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") else { return host[...] }
        return host[..<colon]
    }

    /// Whether this is the whole of Docker Hub.
    package var isDockerHub: Bool { host == ImageReference.dockerHubDomain && path == nil }

    /// The scope's one canonical text, `host[:port][/path]`. Its SHA-256 is part of a pull Secret's name and a sealed
    /// credential is bound to it.
    package var key: String { path.map { "\(host)/\($0)" } ?? host }

    /// The canonical text.
    package var description: String { key }

    /// The entry in a Docker configuration's `auths` that the kubelet finds for the scope's images.
    ///
    /// For the whole of Docker Hub that is `https://index.docker.io/v1/`; the kubelet finds nothing under other names.
    package var dockerConfigKey: String { isDockerHub ? "https://index.docker.io/v1/" : key }

    /// The entries in a Docker configuration's `auths` with which the kubelet uses the credential for the given images and,
    /// as far as its matching allows, for no others.
    ///
    /// The kubelet compares hosts with their letter case and takes a path for a plain text prefix, so that a key
    /// `host/ml` would also be tried for `host/mlx/a`. A key that ends in a slash keeps to whole segments; it is left off only
    /// where an image's repository is the scope's path itself.
    /// - Parameter images: The images that the credential is for; those out of scope are left aside.
    /// - Returns: Keys in the images' order, each once; ``dockerConfigKey`` when no image is in scope.
    package func dockerConfigKeys(for images: [ImageReference]) -> [String] {
        var keys: [String] = []
        for image in images where matches(image) {
            let key: String =
                if let path {
                    image.path == path ? "\(image.domain)/\(path)" : "\(image.domain)/\(path)/"
                } else if image.domain == ImageReference.dockerHubDomain {
                    dockerConfigKey
                } else {
                    image.domain
                }
            if !keys.contains(key) { keys.append(key) }
        }
        return keys.isEmpty ? [dockerConfigKey] : keys
    }

    /// By canonical text.
    package static func < (left: Self, right: Self) -> Bool { left.key < right.key }

    private static func check(host: String) throws(RegistryScopeError) {
        do {
            try ImageReferenceParser.checkDomain(Array(host.utf8)[...])
        } catch {
            throw RegistryScopeError(code: error.code == .invalidPort ? .invalidPort : .invalidHost)
        }
        // A plain word is a namespace of Docker Hub in every image reference: a credential for it could never be used.
        guard host.contains(where: { $0 == "." || $0 == ":" }) || host == "localhost" else {
            throw RegistryScopeError(code: .notARegistry)
        }
    }

    private static func path(_ text: Substring, hasScheme: Bool) throws(RegistryScopeError) -> String? {
        var path = text
        // Again and again: the canonical text, which has no scheme, must be read as the same scope.
        while let version = ["/v1", "/v2"].first(where: { path.hasPrefix($0 + "/") || (hasScheme && path == $0) }) {
            path = path.dropFirst(version.utf8.count)
        }
        if path.hasPrefix("/") { path = path.dropFirst() }
        if path.hasSuffix("/") { path = path.dropLast() }
        guard !path.isEmpty else { return nil }
        guard path.utf8.count <= 255, ReferenceGrammar.isPath(Array(path.utf8)[...]) else {
            throw RegistryScopeError(code: .invalidPath)
        }
        return String(path)
    }
}

/// Why a text is no registry scope. The text itself is not part of it: it may hold a credential by mistake.
package struct RegistryScopeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, as a constant that can be a metric label.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Nothing was written.
        case empty
        /// More than ``RegistryScope/maximumLength`` bytes.
        case tooLong
        /// Not ASCII, or a control character or a space.
        case invalidCharacter
        /// No host name or address; also anything with user information, a wildcard or a query.
        case invalidHost
        /// The port is not a number from 1 to 65535.
        case invalidPort
        /// A single word, which no image reference can name as its registry.
        case notARegistry
        /// The path is no repository or prefix of repositories.
        case invalidPath
    }

    /// What is wrong.
    package let code: Code

    /// One sentence for the person who wrote the scope.
    package var message: String {
        switch code {
        case .empty: "the registry is empty"
        case .tooLong: "the registry is longer than \(RegistryScope.maximumLength) bytes"
        case .invalidCharacter: "the registry has a space, a control character or a character that is not ASCII"
        case .invalidHost:
            "the registry's host is not a host name or address; user names and wildcards are not allowed in it"
        case .invalidPort: "the registry's port is not a number from 1 to 65535"
        case .notARegistry: "a registry's host has a dot or a port, or is localhost"
        case .invalidPath: "the registry's path is not a lower-case repository or the beginning of one"
        }
    }

    /// The code and the message.
    package var description: String { "\(code.rawValue): \(message)" }
}
