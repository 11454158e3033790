/// What a reference stands for at a registry at this moment.
package struct ResolvedImage: Sendable, Hashable {
    /// The digest that the reference names: of the index where there is one.
    package var digest: OCIDigest
    /// The media type of what ``digest`` names.
    package var mediaType: String
    /// What the reference's index lists for nodes: images and further indexes; attestations, which are for no platform, are
    /// left out. nil where the reference names one image.
    package var index: [OCIDescriptor]?
    /// The digest of the one image; nil when the reference names an index and no platform was asked for.
    package var manifestDigest: OCIDigest?
    /// The digest of the image's configuration.
    package var configDigest: OCIDigest?
    /// The image's layers, base first.
    package var layers: [OCIDescriptor]
    /// Bytes to be moved for the image: its manifest, configuration and layers, each distinct layer once. 0 when no
    /// single image is meant.
    package var totalBytes: Int

    /// The platforms that the index names.
    package var platforms: [OCIPlatform] { index?.compactMap(\.platform) ?? [] }

    /// Whether a node of that platform may find an image; true also where only a configuration tells the platform: of the one
    /// image, or of an entry that the index gives no platform for.
    package func suits(_ platform: OCIPlatform) -> Bool {
        index.map { Self.choice(in: $0, for: platform) != nil } ?? true
    }

    /// The entry that a node of that platform takes: the first of those that suit it best, or else the first that names no
    /// platform; nil when there is none.
    ///
    /// Source: containerd, `images.Manifest`.
    static func choice(in index: [OCIDescriptor], for platform: OCIPlatform) -> OCIDescriptor? {
        var best: (entry: OCIDescriptor, rank: Int)?
        for entry in index {
            guard let rank = entry.platform?.rank(for: platform), rank < best?.rank ?? .max else { continue }
            best = (entry, rank)
        }
        return best?.entry ?? index.first { $0.platform == nil }
    }
}

extension ResolvedImage {
    init(manifest: OCIManifest) {
        digest = manifest.digest
        mediaType = manifest.mediaType
        layers = []
        totalBytes = 0
        switch manifest.content {
        case .index(let entries):
            index = Self.images(in: entries)
        case .image:
            setImage(manifest)
        }
    }

    /// The entries that can lead to an image.
    static func images(in entries: [OCIDescriptor]) -> [OCIDescriptor] {
        entries.filter { entry in
            if let platform = entry.platform { return platform.os != "unknown" && platform.architecture != "unknown" }
            return OCIMediaType.isManifest(entry.mediaType) || OCIMediaType.isIndex(entry.mediaType)
        }
    }

    /// Adds the one image; false when the manifest is an index.
    @discardableResult
    mutating func setImage(_ manifest: OCIManifest) -> Bool {
        guard case .image(let config, let layers) = manifest.content else { return false }
        manifestDigest = manifest.digest
        configDigest = config.digest
        self.layers = layers
        var seen: Set<OCIDigest> = []
        var total = manifest.bytes.count
        for part in [config] + layers where seen.insert(part.digest).inserted {
            let (sum, overflow) = total.addingReportingOverflow(part.size)
            total = overflow ? .max : sum
        }
        totalBytes = total
        return true
    }
}
