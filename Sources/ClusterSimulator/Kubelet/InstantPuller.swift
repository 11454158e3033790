import Crypto
import WireFormats

/// Pulls without a registry: every image exists, has one layer, and is there at once.
struct InstantPuller: ImagePuller {
    func immediateOutcome(_ order: PullOrder) -> PullOutcome? {
        .pulled(Self.image(order.image), credential: order.credentials.first)
    }

    func pull(_ order: PullOrder) async -> PullOutcome {
        .pulled(Self.image(order.image), credential: order.credentials.first)
    }

    func close() async {}

    /// An image with digests that follow from its name.
    static func image(_ name: ImageName) -> PulledImage {
        func digest(_ part: String) -> String {
            "sha256:\(Hex.encode(SHA256.hash(data: Array("\(part) \(name.canonical)".utf8))))"
        }
        let manifest = name.digest ?? digest("manifest")
        return PulledImage(digest: manifest, manifestDigest: manifest, blobs: [digest("layer"): 1_048_576])
    }
}
