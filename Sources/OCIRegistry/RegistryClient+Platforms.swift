import WireFormats

extension RegistryClient {
    /// Where manifests and blobs of one image are.
    struct Place: Sendable {
        let host: String
        let repository: String
        let credential: RegistryCredential
    }

    /// Most indexes that are followed one into the other.
    private static let maximumIndexDepth = 8
    /// Most bytes of a configuration that is read for its platform.
    private static let maximumConfigBytes = 4 << 20

    /// Finds the one image that a node of a platform takes out of an index, and adds it.
    ///
    /// - Parameters:
    ///   - image: What the reference stands for, an index.
    ///   - place: Where its manifests are.
    ///   - platform: The node's.
    /// - Returns: `image` with the one image's configuration, layers and size.
    /// - Throws: ``RegistryError``; ``RegistryError/Code/platformNotFound`` when there is none for the platform.
    func look(
        into image: ResolvedImage,
        at place: Place,
        for platform: OCIPlatform
    ) async throws(RegistryError) -> ResolvedImage {
        var image = image
        var index = image.index ?? []
        for _ in 0..<Self.maximumIndexDepth {
            guard let entry = ResolvedImage.choice(in: index, for: platform) else {
                throw try missing(platform, at: place)
            }
            let child = try await manifest(
                host: place.host,
                repository: place.repository,
                reference: entry.digest.description,
                credential: place.credential
            )
            switch child.content {
            case .index(let entries):
                index = ResolvedImage.images(in: entries)
            case .image(let config, _):
                if entry.platform == nil, try await !suits(config, platform, at: place) {
                    throw try missing(platform, at: place)
                }
                image.setImage(child)
                return image
            }
        }
        let host = try endpoint(place.host).host
        throw RegistryError(.unsupported, host: host, message: "the index lists indexes too deep")
    }

    private func missing(_ platform: OCIPlatform, at place: Place) throws(RegistryError) -> RegistryError {
        let host = try endpoint(place.host).host
        return RegistryError(.platformNotFound, host: host, message: "the index has no image for \(platform)")
    }

    /// Whether an image whose index says nothing is for a platform, as its configuration says.
    private func suits(
        _ config: OCIDescriptor,
        _ platform: OCIPlatform,
        at place: Place
    ) async throws(RegistryError) -> Bool {
        guard config.size <= Self.maximumConfigBytes else { return false }
        let blob = try await blob(
            host: place.host,
            repository: place.repository,
            digest: config.digest,
            size: config.size,
            credential: place.credential
        )
        let bytes = try await blob.collect(upTo: Self.maximumConfigBytes)
        let limits = JSONValue.ParsingLimits(maximumDepth: 32, maximumBytes: bytes.count)
        guard let json = try? JSONValue(parsing: bytes, limits: limits) else { return false }
        return OCIPlatform(json: json)?.suits(platform) ?? false
    }
}
