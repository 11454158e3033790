/// The name of a container image, normalised as Docker, containerd and the kubelet normalise it.
///
/// The grammar is that of the distribution project's `reference` package: `[domain/]path[:tag][@digest]`. A name without
/// a domain belongs to Docker Hub, one without a namespace there to `library`.
package struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    /// The registry as it stands in the image's name, with its port: `docker.io`, `localhost:5000`, `[::1]:5000`.
    ///
    /// `index.docker.io` becomes `docker.io`; any other host is kept as written, its letter case included, because
    /// runtimes store and look up images by exactly this text.
    package let domain: String
    /// The repository inside the registry, such as `library/nginx`. At most 255 bytes.
    package let path: String
    /// The tag, when one was written. At most 128 bytes.
    package let tag: String?
    /// The digest with its algorithm, when one was written: `sha256:…`.
    package let digest: String?

    /// The most bytes that a reference can have: a domain, a path, a tag and a SHA-512 digest.
    package static let maximumLength = 1_024

    /// Reads a reference.
    ///
    /// - Parameter text: What a user would write after `docker pull`.
    /// - Throws: ``ImageReferenceError``, whose text never quotes the input.
    package init(parsing text: String) throws(ImageReferenceError) {
        self = try ImageReferenceParser(text).parse()
    }

    /// Puts checked parts together; only the parser has them.
    init(domain: String, path: String, tag: String?, digest: String?) {
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// The registry and the repository: `docker.io/library/nginx`.
    package var name: String { "\(domain)/\(path)" }

    /// The whole reference with nothing left out: `docker.io/library/nginx:1.27`, the tag `latest` when neither tag nor
    /// digest was written. References are equal when their canonical names are.
    package var canonical: String { name + suffix }

    /// The reference as people write it: `nginx:1.27` for `docker.io/library/nginx:1.27`, without a tag that is only the
    /// default. Parsing it gives the same image.
    package var familiar: String {
        familiarName + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// The canonical name.
    package var description: String { canonical }

    /// The host and port that serve the registry's API: `registry-1.docker.io` for Docker Hub, else the domain.
    package var registryHost: String {
        domain == Self.dockerHubDomain ? RegistryScope.dockerHubRegistryHost : domain
    }

    /// What names the image's manifest in its repository: the digest when there is one, else the tag, else `latest`.
    package var manifestReference: String { digest ?? tag ?? Self.defaultTag }

    /// The pull policy that Kubernetes gives a container whose author set none: `Always` for the tag `latest`, written or
    /// implied, else `IfNotPresent`.
    ///
    /// As in `SetDefaults_Container` (pkg/apis/core/v1/defaults.go), the tag decides even beside a digest.
    package var defaultPullPolicy: PullPolicy {
        switch (tag, digest) {
        case (Self.defaultTag?, _), (nil, nil): .always
        case (_?, _), (nil, _?): .ifNotPresent
        }
    }

    /// The names under which a node lists this very image, whole names only: with a digest the names by digest,
    /// else the names by tag. Each in its canonical and its familiar form.
    package var exactNames: [String] {
        let ending = digest.map { "@\($0)" } ?? ":\(tag ?? Self.defaultTag)"
        let canonicalName = name + ending
        let shortName = familiarName + ending
        return canonicalName == shortName ? [canonicalName] : [canonicalName, shortName]
    }

    /// Compares what the references mean: an implied tag `latest` is the same as a written one.
    ///
    /// - Parameters:
    ///   - left: A reference.
    ///   - right: Another.
    /// - Returns: True when their canonical names are the same.
    package static func == (left: Self, right: Self) -> Bool {
        left.path == right.path && left.domain == right.domain && left.digest == right.digest
            && left.effectiveTag == right.effectiveTag
    }

    /// Hashes what ``==(_:_:)`` compares.
    ///
    /// - Parameter hasher: Takes the parts.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(domain)
        hasher.combine(path)
        hasher.combine(effectiveTag)
        hasher.combine(digest)
    }

    private var effectiveTag: String? { tag ?? (digest == nil ? Self.defaultTag : nil) }

    /// Docker Hub's name in references.
    package static let dockerHubDomain = "docker.io"
    /// The tag of a reference that has neither tag nor digest.
    package static let defaultTag = "latest"
    /// The namespace of Docker Hub's official images.
    static let officialNamespace = "library/"

    private var suffix: String { (effectiveTag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

    private var familiarName: String {
        guard domain == Self.dockerHubDomain else { return name }
        var short = path
        if short.hasPrefix(Self.officialNamespace), !short.dropFirst(Self.officialNamespace.count).contains("/") {
            short = String(short.dropFirst(Self.officialNamespace.count))
        }
        // "docker.io/foo.com/a" must keep its domain, or it would be read as an image of the host foo.com; a lone
        // 64-digit hexadecimal name would be read as an image's id.
        return ImageReferenceParser.isReadAsHubName(short) ? short : name
    }
}

/// When a node asks the registry for an image it may already have (Kubernetes' `imagePullPolicy`).
package enum PullPolicy: String, Sendable, Hashable, CaseIterable {
    /// Ask the registry at every start.
    case always = "Always"
    /// Ask only when the image is not on the node.
    case ifNotPresent = "IfNotPresent"
}
