/// Reads an image reference in one pass from left to right, with Docker's rules for what a short name means.
struct ImageReferenceParser {
    private let bytes: [UInt8]

    init(_ text: String) throws(ImageReferenceError) {
        // A hostile text may be megabytes long; what is over the limit is refused without being looked at.
        guard text.utf8.count <= ImageReference.maximumLength else { throw ImageReferenceError(code: .tooLong) }
        self.bytes = Array(text.utf8)
    }

    func parse() throws(ImageReferenceError) -> ImageReference {
        guard !bytes.isEmpty else { throw ImageReferenceError(code: .empty) }
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ImageReferenceError(code: .invalidCharacter)
        }
        guard !Self.isImageID(bytes) else { throw ImageReferenceError(code: .looksLikeImageID) }
        let (beforeDigest, digest) = try splitDigest()
        let (domain, rest) = Self.splitDomain(beforeDigest)
        if let domain { try Self.checkDomain(domain) }
        let (path, tag) = try Self.splitTag(rest)
        return try Self.assemble(domain: domain, path: path, tag: tag, digest: digest)
    }

    /// Whether a name without a domain is read as Docker Hub's, and not as a host or an image id.
    static func isReadAsHubName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return splitDomain(bytes[...]).domain == nil && !isImageID(bytes)
    }

    /// The digest ends the text and nothing before it can hold an `@`.
    private func splitDigest() throws(ImageReferenceError) -> (ArraySlice<UInt8>, String?) {
        guard let at = bytes.firstIndex(of: UInt8(ascii: "@")) else { return (bytes[...], nil) }
        let digest = bytes[(at + 1)...]
        try Self.checkDigest(digest)
        return (bytes[..<at], String(decoding: digest, as: UTF8.self))
    }

    /// Docker's rule (`splitDockerDomain`): what stands before the first slash is a registry if it has a dot or a colon, is
    /// `localhost`, or has an upper-case letter, which no namespace of Docker Hub can have.
    private static func splitDomain(
        _ name: ArraySlice<UInt8>
    ) -> (domain: ArraySlice<UInt8>?, rest: ArraySlice<UInt8>) {
        guard let slash = name.firstIndex(of: UInt8(ascii: "/")) else { return (nil, name) }
        let first = name[..<slash]
        let isDomain =
            first.contains(UInt8(ascii: ".")) || first.contains(UInt8(ascii: ":"))
            || first.elementsEqual("localhost".utf8) || first.contains(where: ReferenceGrammar.isUppercase)
        return isDomain ? (first, name[(slash + 1)...]) : (nil, name)
    }

    private static func splitTag(
        _ rest: ArraySlice<UInt8>
    ) throws(ImageReferenceError) -> (path: ArraySlice<UInt8>, tag: String?) {
        guard let colon = rest.firstIndex(of: UInt8(ascii: ":")) else { return (rest, nil) }
        let tag = rest[(colon + 1)...]
        guard ReferenceGrammar.isTag(tag) else { throw ImageReferenceError(code: .invalidTag) }
        return (rest[..<colon], String(decoding: tag, as: UTF8.self))
    }

    private static func assemble(
        domain: ArraySlice<UInt8>?,
        path: ArraySlice<UInt8>,
        tag: String?,
        digest: String?
    ) throws(ImageReferenceError) -> ImageReference {
        guard !path.contains(where: ReferenceGrammar.isUppercase) else {
            throw ImageReferenceError(code: .uppercasePath)
        }
        guard ReferenceGrammar.isPath(path) else { throw ImageReferenceError(code: .invalidPath) }
        var domainText = domain.map { String(decoding: $0, as: UTF8.self) } ?? ImageReference.dockerHubDomain
        if domainText == "index.docker.io" { domainText = ImageReference.dockerHubDomain }
        var pathText = String(decoding: path, as: UTF8.self)
        if domainText == ImageReference.dockerHubDomain, !path.contains(UInt8(ascii: "/")) {
            pathText = ImageReference.officialNamespace + pathText
        }
        guard pathText.utf8.count <= 255 else { throw ImageReferenceError(code: .pathTooLong) }
        return ImageReference(domain: domainText, path: pathText, tag: tag, digest: digest)
    }

    /// Checks `host[:port]`.
    static func checkDomain(_ domain: ArraySlice<UInt8>) throws(ImageReferenceError) {
        var host = domain
        // The colons inside an IPv6 address' brackets are not the port's.
        let afterBracket = domain.lastIndex(of: UInt8(ascii: "]")) ?? domain.startIndex
        if let colon = domain[afterBracket...].lastIndex(of: UInt8(ascii: ":")) {
            guard ReferenceGrammar.isPort(domain[(colon + 1)...]) else { throw ImageReferenceError(code: .invalidPort) }
            host = domain[..<colon]
        }
        guard ReferenceGrammar.isHost(host) else { throw ImageReferenceError(code: .invalidDomain) }
    }

    /// The algorithms that the OCI image specification and go-digest register, with their digits.
    private static let digestLengths: [String: Int] = ["sha256": 64, "sha384": 96, "sha512": 128, "blake3": 64]

    private static func checkDigest(_ digest: ArraySlice<UInt8>) throws(ImageReferenceError) {
        guard let colon = digest.firstIndex(of: UInt8(ascii: ":")) else {
            throw ImageReferenceError(code: .invalidDigest)
        }
        let algorithm = digest[..<colon]
        let encoded = digest[(colon + 1)...]
        guard let first = algorithm.first, ReferenceGrammar.isAlphanumeric(first), !encoded.isEmpty,
            encoded.allSatisfy(ReferenceGrammar.isHex)
        else { throw ImageReferenceError(code: .invalidDigest) }
        guard let length = digestLengths[String(decoding: algorithm, as: UTF8.self)] else {
            throw ImageReferenceError(code: .unsupportedDigestAlgorithm)
        }
        guard encoded.count == length, encoded.allSatisfy(ReferenceGrammar.isLowercaseHex) else {
            throw ImageReferenceError(code: .invalidDigestLength)
        }
    }

    private static func isImageID(_ bytes: [UInt8]) -> Bool {
        bytes.count == 64 && bytes.allSatisfy(ReferenceGrammar.isLowercaseHex)
    }
}
