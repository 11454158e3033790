package import WireFormats

/// A reference to content by digest (OCI image specification, "Descriptor").
package struct OCIDescriptor: Sendable, Hashable {
    /// What the content is.
    package var mediaType: String
    /// The content's digest.
    package var digest: OCIDigest
    /// The content's length in bytes.
    package var size: Int
    /// What it runs on; in an index only, and there not always.
    package var platform: OCIPlatform?

    /// Makes a descriptor.
    package init(mediaType: String, digest: OCIDigest, size: Int, platform: OCIPlatform? = nil) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
    }

    init?(json: JSONValue?) {
        guard let digest = json?["digest"]?.string.flatMap({ OCIDigest($0) }), let size = json?["size"]?.integer,
            // Sums of sizes must not overflow: an exbibyte a layer is enough.
            (0...(1 << 60)).contains(size)
        else { return nil }
        self.init(
            mediaType: json?["mediaType"]?.string ?? "",
            digest: digest,
            size: size,
            platform: OCIPlatform(json: json?["platform"])
        )
    }

    /// The descriptor as manifests have it.
    package var json: JSONValue {
        var value: JSONValue = [
            "mediaType": .string(mediaType), "digest": .string(digest.description), "size": .integer(Int64(size)),
        ]
        if let platform { value["platform"] = platform.json }
        return value
    }
}

/// A manifest as a registry gives it: of one image or of one image for many platforms.
package struct OCIManifest: Sendable, Hashable {
    /// What a manifest lists.
    package enum Content: Sendable, Hashable {
        /// One image.
        case image(config: OCIDescriptor, layers: [OCIDescriptor])
        /// One manifest a platform.
        case index([OCIDescriptor])
    }

    /// The digest of ``bytes``, verified.
    package let digest: OCIDigest
    /// The media type: the manifest's own word, or else the registry's.
    package let mediaType: String
    /// The manifest, byte for byte.
    package let bytes: [UInt8]
    /// What it lists.
    package let content: Content

    /// Most entries that a manifest may list; containerd and others have no image near it.
    static let maximumEntries = 10_000

    /// Reads a manifest; nil when it is none that is known.
    ///
    /// - Parameters:
    ///   - bytes: The manifest.
    ///   - digest: The digest of `bytes`.
    ///   - contentType: The registry's word for its kind.
    init?(bytes: [UInt8], digest: OCIDigest, contentType: String?) {
        guard let json = Self.object(bytes), json["fsLayers"] == nil else { return nil }
        let announced = contentType?.split(separator: ";").first.map(String.init) ?? ""
        let own = json["mediaType"]?.string ?? ""
        let types = [own, announced]
        // One that says to be of both kinds is refused, as containerd refuses it: two readers would see two images.
        let isIndex = types.contains(where: OCIMediaType.isIndex) || json["manifests"]?.array != nil
        let isImage = types.contains(where: OCIMediaType.isManifest) || json["config"] != nil || json["layers"] != nil
        guard isIndex != isImage else { return nil }
        let type = OCIMediaType.isIndex(own) || OCIMediaType.isManifest(own) ? own : announced
        if isIndex {
            guard let entries = Self.descriptors(json["manifests"]) else { return nil }
            content = .index(entries)
            mediaType = OCIMediaType.isIndex(type) ? type : OCIMediaType.index
        } else {
            // An image without layers may leave them out, or write `null`, as programs written in Go do.
            guard let config = OCIDescriptor(json: json["config"]), let layers = Self.descriptors(json["layers"])
            else { return nil }
            content = .image(config: config, layers: layers)
            mediaType = OCIMediaType.isManifest(type) ? type : OCIMediaType.manifest
        }
        self.bytes = bytes
        self.digest = digest
    }

    /// Whether an answer is a manifest of Docker's schema 1, which containerd no longer reads since version 2.0.
    static func isSchema1(bytes: [UInt8], contentType: String?) -> Bool {
        if contentType?.split(separator: ";").first.map({ OCIMediaType.schema1.contains(String($0)) }) == true {
            return true
        }
        guard let json = object(bytes) else { return false }
        return json["fsLayers"] != nil || json["schemaVersion"]?.integer == 1
    }

    private static func object(_ bytes: [UInt8]) -> JSONValue? {
        let limits = JSONValue.ParsingLimits(maximumDepth: 32, maximumBytes: bytes.count)
        guard let json = try? JSONValue(parsing: bytes, limits: limits), json.object != nil else { return nil }
        return json
    }

    /// Reads a list; one that is missing or `null` is empty.
    private static func descriptors(_ json: JSONValue?) -> [OCIDescriptor]? {
        guard let json, json != .null else { return [] }
        guard let array = json.array, array.count <= maximumEntries else { return nil }
        let descriptors = array.compactMap { OCIDescriptor(json: $0) }
        return descriptors.count == array.count ? descriptors : nil
    }
}
