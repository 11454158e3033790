import WireFormats

/// A small image made on the spot, for demonstrations and tests.
package struct BuiltImage: Sendable {
    /// How layers are packed.
    package enum Compression: Sendable, Hashable, CaseIterable {
        /// A plain tar archive.
        case none
        /// gzip, whose blocks are stored rather than compressed: valid for every reader, and no compressor is needed.
        case gzip
    }

    /// The manifest.
    package let manifest: [UInt8]
    /// The manifest's digest, size and platform, as an index lists it.
    package let descriptor: OCIDescriptor
    /// The configuration blob.
    package let config: [UInt8]
    /// The layer blobs, base first.
    package let layers: [[UInt8]]

    /// Builds an image.
    ///
    /// - Parameters:
    ///   - layers: The files of each layer, base first.
    ///   - platform: What it says it runs on; `linux/amd64` by default.
    ///   - compression: How layers are packed; gzip by default.
    ///   - command: What a container of it would run; none by default.
    package init(
        layers: [[TarFile]],
        platform: OCIPlatform = OCIPlatform(os: "linux", architecture: "amd64"),
        compression: Compression = .gzip,
        command: [String] = []
    ) {
        let archives = layers.map { TarFile.archive($0) }
        let blobs = compression == .gzip ? archives.map { StoredGzip.compress($0) } : archives
        var config = platform.json
        config["rootfs"] = [
            "type": "layers", "diff_ids": .array(archives.map { .string(OCIDigest(of: $0).description) }),
        ]
        config["config"] = command.isEmpty ? [:] : ["Cmd": .array(command.map { .string($0) })]
        let configBytes = config.serialized()
        let layerType = compression == .gzip ? OCIMediaType.gzipLayer : OCIMediaType.tarLayer
        let manifest: JSONValue = [
            "schemaVersion": 2,
            "mediaType": .string(OCIMediaType.manifest),
            "config": Self.descriptor(configBytes, OCIMediaType.config).json,
            "layers": .array(blobs.map { Self.descriptor($0, layerType).json }),
        ]
        self.manifest = manifest.serialized()
        self.config = configBytes
        self.layers = blobs
        var descriptor = Self.descriptor(self.manifest, OCIMediaType.manifest)
        descriptor.platform = platform
        self.descriptor = descriptor
    }

    /// An index over images.
    package static func index(of images: [BuiltImage]) -> [UInt8] {
        let index: JSONValue = [
            "schemaVersion": 2,
            "mediaType": .string(OCIMediaType.index),
            "manifests": .array(images.map(\.descriptor.json)),
        ]
        return index.serialized()
    }

    private static func descriptor(_ bytes: [UInt8], _ mediaType: String) -> OCIDescriptor {
        OCIDescriptor(mediaType: mediaType, digest: OCIDigest(of: bytes), size: bytes.count)
    }
}
