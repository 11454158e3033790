/// The media types of images, in the OCI's and in Docker's words.
package enum OCIMediaType {
    /// An OCI image manifest.
    package static let manifest = "application/vnd.oci.image.manifest.v1+json"
    /// An OCI image index: one manifest a platform.
    package static let index = "application/vnd.oci.image.index.v1+json"
    /// An OCI image configuration.
    package static let config = "application/vnd.oci.image.config.v1+json"
    /// A layer, not compressed.
    package static let tarLayer = "application/vnd.oci.image.layer.v1.tar"
    /// A layer, compressed with gzip.
    package static let gzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip"
    /// Docker's manifest, schema 2.
    package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    /// Docker's manifest list.
    package static let dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"

    /// Docker's manifest, schema 1, without and with signatures.
    static let schema1 = [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ]

    /// What a request for a manifest accepts.
    package static let accepted = [index, manifest, dockerManifestList, dockerManifest]

    static func isIndex(_ type: String) -> Bool { type == index || type == dockerManifestList }

    static func isManifest(_ type: String) -> Bool { type == manifest || type == dockerManifest }
}
