/// What a reference stands for at a registry at this moment.
package struct ResolvedImage: Sendable, Hashable {
    /// The digest that the reference names: of the index where there is one.
    package var digest: OCIDigest
    /// The media type of what ``digest`` names.
    package var mediaType: String
    /// The platforms' manifests, where the reference names an index; attestations and other entries without a platform
    /// are left out.
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

    /// The platforms that the index has.
    package var platforms: [OCIPlatform] { index?.compactMap(\.platform) ?? [] }

    /// Whether a node of that platform finds an image; true where the reference names one image, whose platform is only
    /// in its configuration.
    package func suits(_ platform: OCIPlatform) -> Bool {
        index?.contains { $0.platform?.suits(platform) == true } ?? true
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
            index = entries.filter { entry in
                guard let platform = entry.platform else { return false }
                return platform.os != "unknown" && platform.architecture != "unknown"
            }
        case .image:
            setImage(manifest)
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
