import WireFormats

/// What is in one node's image store.
struct NodeContent {
    struct Image {
        /// Every name it was pulled by, canonical.
        var names: Set<String>
        var repositories: Set<String>
        var content: PulledImage
        /// Who may use it without pulling: everybody, when it was there before or pulled without a credential.
        var access: Access
    }

    /// Which Pods may use an image that is present (KEP-2535).
    enum Access: Equatable {
        case everyone
        case credentials(Set<String>)
    }

    /// By the digest their references stand for.
    private(set) var images: [String: Image] = [:]

    /// The image of a reference.
    func image(_ name: ImageName) -> Image? {
        if let digest = name.digest {
            guard let image = images[digest], image.repositories.contains(name.repository) else { return nil }
            return image
        }
        return images.values.first { $0.names.contains(name.canonical) }
    }

    var blobs: Set<String> { images.values.reduce(into: []) { $0.formUnion($1.content.blobs.keys) } }

    var usedBytes: Int {
        var sizes: [String: Int] = [:]
        for image in images.values { sizes.merge(image.content.blobs) { $1 } }
        return sizes.values.reduce(0, +)
    }

    /// Adds a pulled image; the name leaves the image it named before.
    mutating func add(_ name: ImageName, _ content: PulledImage, access: Access) {
        for digest in images.keys where digest != content.digest { images[digest]?.names.remove(name.canonical) }
        var image =
            images[content.digest] ?? Image(names: [], repositories: [], content: content, access: access)
        image.names.insert(name.canonical)
        image.repositories.insert(name.repository)
        switch (image.access, access) {
        case (.credentials(let old), .credentials(let new)): image.access = .credentials(old.union(new))
        case (_, .everyone): image.access = .everyone
        case (.everyone, .credentials): break
        }
        images[content.digest] = image
    }

    /// Takes over what a node reported before a restart; who may use it is not known any more, so that every Pod pulls
    /// what it does not own already.
    mutating func restore(_ reported: [JSONValue]) {
        for image in reported {
            let names = (image["names"]?.array ?? []).compactMap(\.string).compactMap { ImageName(parsing: $0) }
            guard let digest = names.lazy.compactMap(\.digest).first, images[digest] == nil else { continue }
            let size = image["sizeBytes"]?.integer ?? 0
            let content = PulledImage(digest: digest, manifestDigest: digest, blobs: [digest: size])
            for name in names { add(name, content, access: .credentials([])) }
        }
    }

    mutating func remove(_ name: ImageName) {
        guard let digest = image(name)?.content.digest else { return }
        images[digest] = nil
    }

    /// `node.status.images`: the fifty largest (`nodeStatusMaxImages`).
    var statusImages: [JSONValue] {
        let sorted = images.values.sorted {
            ($0.content.sizeBytes, $1.content.digest) > ($1.content.sizeBytes, $0.content.digest)
        }
        return sorted.prefix(50).map { image in
            let digests = image.repositories.sorted().map { "\($0)@\(image.content.digest)" }
            let names = digests + image.names.filter { !$0.contains("@") }.sorted()
            return [
                "names": .array(names.map { .string($0) }), "sizeBytes": .integer(Int64(image.content.sizeBytes)),
            ]
        }
    }
}
