import LongshoreDomain

extension FuzzTarget {
    /// The parser of image references.
    static let imageReference = FuzzTarget(
        name: "image-reference",
        form: .text,
        words: [
            "docker.io/", "index.docker.io/", "library/", "localhost/", "localhost:5000/", "[::1]:5000/",
            "[::ffff:1.2.3.4]",
            "a.b/", ":latest", ":v1", "@sha256:", "@sha512:", "__", "---", "..", "._", "A", "registry-1.docker.io/",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ],
        maximumBytes: 2_048
    ) { input in
        let text = String(decoding: input, as: UTF8.self)
        let reference: ImageReference
        do throws(ImageReferenceError) {
            reference = try ImageReference(parsing: text)
        } catch {
            try requireNoCanary(error.description, "the error")
            return error.code.rawValue
        }
        try require(text.utf8.count <= ImageReference.maximumLength, "longer than the limit")
        try require(reference.path.utf8.count <= 255 && (reference.tag?.utf8.count ?? 0) <= 128, "a part is too long")
        for name in [reference.canonical, reference.familiar] {
            let again = try? ImageReference(parsing: name)
            try require(again == reference, "\(name) is another reference")
            try require(again?.canonical == reference.canonical, "\(name) has another canonical name")
            try require(
                again.flatMap { try? ImageReference(parsing: $0.familiar) } == reference,
                "\(name), made familiar"
            )
        }
        // What we take, the distribution project's grammar takes; a tag or a digest of its own is in the canonical name.
        try require(
            reference.canonical.wholeMatch(of: try grammar) != nil,
            "\(reference.canonical) is not in the grammar"
        )
        for name in reference.exactNames {
            try require((try? ImageReference(parsing: name))?.name == reference.name, "\(name) names something else")
        }
        let registry = RegistryScope(registryOf: reference)
        try require(registry.matches(reference), "its registry does not cover it")
        return [reference.domain == "docker.io", reference.tag != nil, reference.digest != nil].description
    }

    /// `reference.regexp.go` of distribution/reference, which is another way to say what the parser does.
    private static var grammar: Regex<Substring> {
        get throws {
            let component = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
            let host = #"(?:\#(component)(?:\.\#(component))*|\[(?:[a-fA-F0-9:]+)\])"#
            let path = "[a-z0-9]+(?:(?:[.]|_|__|[-]+)[a-z0-9]+)*"
            let digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
            return try Regex(
                #"\#(host)(?::[0-9]+)?/\#(path)(?:/\#(path))*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@\#(digest))?"#,
                as: Substring.self
            )
        }
    }

    /// The parser of the registries that credentials are for.
    static let registryScope = FuzzTarget(
        name: "registry-scope",
        form: .text,
        words: [
            "https://", "http://", "/v1/", "/v2", "index.docker.io", "registry-1.docker.io", "localhost", ":443",
            "[::1]",
            "harbor.io/ml/", "user:pw@", "*.", "?", "#", "HTTPS://",
        ],
        maximumBytes: 1_024
    ) { input in
        let scope: RegistryScope
        do throws(RegistryScopeError) {
            scope = try RegistryScope(parsing: String(decoding: input, as: UTF8.self))
        } catch {
            try requireNoCanary(error.description, "the error")
            return error.code.rawValue
        }
        for text in [scope.key, scope.dockerConfigKey] {
            try require((try? RegistryScope(parsing: text)) == scope, "\(text) is another scope")
        }
        let image = "\(scope.host)/\(scope.path.map { "\($0)/a" } ?? "a")"
        if let reference = try? ImageReference(parsing: image) {
            try require(scope.matches(reference), "the scope does not cover \(image)")
            let keys = scope.dockerConfigKeys(for: [reference])
            try require(keys.count == 1, "one image has the keys \(keys)")
        }
        if let path = scope.path, let sibling = try? ImageReference(parsing: "\(scope.host)/\(path)x/a") {
            try require(!scope.matches(sibling), "the scope covers \(sibling)")
        }
        return scope.path == nil ? "registry" : "path"
    }
}
