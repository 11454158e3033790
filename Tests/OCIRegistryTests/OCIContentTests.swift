import TestSupport
import Testing
import WireFormats

@testable import OCIRegistry

@Suite struct OCIContentTests {
    @Test func `digests are read and computed`() throws {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(OCIDigest(of: []).description == empty)
        #expect(OCIDigest(empty) == OCIDigest(of: []))
        let long = OCIDigest(of: [1, 2, 3], algorithm: .sha512)
        #expect(OCIDigest(long.description) == long)
        #expect(long.hex.count == 128)
    }

    @Test(arguments: [
        "", "sha256", "sha256:", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85g",
        "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855:x",
        "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ])
    func `anything else is not a digest`(text: String) {
        #expect(OCIDigest(text) == nil)
    }

    @Test(arguments: [
        (OCIPlatform(os: "linux", architecture: "amd64"), OCIPlatform(os: "linux", architecture: "amd64"), true),
        (OCIPlatform(os: "linux", architecture: "amd64"), OCIPlatform(os: "linux", architecture: "arm64"), false),
        (OCIPlatform(os: "windows", architecture: "amd64"), OCIPlatform(os: "linux", architecture: "amd64"), false),
        (
            OCIPlatform(os: "linux", architecture: "arm64", variant: "v8"),
            OCIPlatform(os: "linux", architecture: "arm64"), true
        ),
        (
            OCIPlatform(os: "linux", architecture: "arm", variant: "v7"),
            OCIPlatform(os: "linux", architecture: "arm", variant: "v6"), false
        ),
    ])
    func `an image suits a node by its platform`(image: OCIPlatform, node: OCIPlatform, suits: Bool) {
        #expect(image.suits(node) == suits)
    }

    private func manifest(_ text: String, contentType: String? = nil) -> OCIManifest? {
        let bytes = Array(text.utf8)
        return OCIManifest(bytes: bytes, digest: OCIDigest(of: bytes), contentType: contentType)
    }

    private static let descriptor =
        #"{"mediaType":"x","size":7,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#

    @Test func `a manifest's kind is its own word, then the registry's, then its shape`() {
        let entry = Self.descriptor
        let image = #""config":\#(entry),"layers":[\#(entry),\#(entry)]"#
        #expect(manifest(#"{"schemaVersion":2,\#(image)}"#)?.mediaType == OCIMediaType.manifest)
        let docker = manifest(#"{"schemaVersion":2,\#(image)}"#, contentType: OCIMediaType.dockerManifest + "; x=y")
        #expect(docker?.mediaType == OCIMediaType.dockerManifest)
        let list = #"{"schemaVersion":2,"mediaType":"\#(OCIMediaType.dockerManifestList)","manifests":[\#(entry)]}"#
        #expect(manifest(list)?.mediaType == OCIMediaType.dockerManifestList)
        let bare = manifest(#"{"schemaVersion":2,"manifests":[]}"#)
        #expect(bare?.content == .index([]))
    }

    @Test func `an image without layers is one, as programs in Go write it`() {
        let entry = Self.descriptor
        for layers in ["", #","layers":null"#, #","layers":[]"#] {
            let image = manifest(#"{"schemaVersion":2,"config":\#(entry)\#(layers)}"#)
            #expect(image.map { ResolvedImage(manifest: $0).layers } == [])
        }
        // What containerd does not look at is no reason to refuse it.
        #expect(manifest(#"{"config":\#(entry),"layers":[\#(entry)]}"#) != nil)
        let empty = #"{"schemaVersion":2,"mediaType":"\#(OCIMediaType.index)","manifests":null}"#
        #expect(manifest(empty)?.content == .index([]))
    }

    @Test func `what says to be an image and an index is neither`() {
        let entry = Self.descriptor
        let both = #"{"schemaVersion":2,"config":\#(entry),"layers":[],"manifests":[\#(entry)]}"#
        #expect(manifest(both) == nil)
        let image = #"{"schemaVersion":2,"config":\#(entry),"layers":[]}"#
        #expect(manifest(image, contentType: OCIMediaType.index) == nil)
        #expect(manifest(#"{"schemaVersion":2,"manifests":[]}"#, contentType: OCIMediaType.manifest) == nil)
    }

    @Test(
        arguments: [
            (#"{"schemaVersion":1,"fsLayers":[]}"#, nil, true), (#"{"schemaVersion":1}"#, nil, true),
            (#"{"name":"a","fsLayers":[]}"#, "application/json", true),
            ("not JSON", "application/vnd.docker.distribution.manifest.v1+prettyjws", true),
            ("{}", "application/vnd.docker.distribution.manifest.v1+json; charset=utf-8", true),
            (#"{"schemaVersion":2}"#, OCIMediaType.manifest, false), ("{}", OCIMediaType.manifest, false),
            ("", nil, false), ("<html>", "text/html", false),
        ] as [(String, String?, Bool)]
    )
    func `schema 1 is told from everything else that is no manifest`(text: String, type: String?, isOld: Bool) {
        #expect(manifest(text, contentType: type) == nil)
        #expect(OCIManifest.isSchema1(bytes: Array(text.utf8), contentType: type) == isOld)
    }

    @Test(arguments: [
        "", "null", "[]", "{}", #"{"schemaVersion":1,"fsLayers":[]}"#, #"{"schemaVersion":2}"#,
        #"{"schemaVersion":2,"config":{},"layers":[]}"#, #"{"schemaVersion":2,"manifests":[{}]}"#,
        #"{"schemaVersion":2,"manifests":{}}"#, #"{"schemaVersion":2,"layers":[1]}"#,
        #"{"schemaVersion":2,"config":{"size":-1,"digest":"sha256:0"},"layers":[]}"#,
        String(repeating: "[", count: 100_000),
    ])
    func `what is not a manifest gives none`(text: String) {
        #expect(manifest(text) == nil)
    }

    @Test func `sizes that cannot be are refused, sums cannot overflow`() {
        let huge = Self.descriptor.replacing(#""size":7"#, with: #""size":9223372036854775807"#)
        #expect(manifest(#"{"schemaVersion":2,"config":\#(huge),"layers":[]}"#) == nil)
    }

    @Test func `a resolved image counts each distinct layer once and leaves attestations out`() throws {
        let entry = Self.descriptor
        let image = try #require(manifest(#"{"schemaVersion":2,"config":\#(entry),"layers":[\#(entry),\#(entry)]}"#))
        #expect(ResolvedImage(manifest: image).totalBytes == image.bytes.count + 7)
        let unknown = entry.dropLast() + #","platform":{"os":"unknown","architecture":"unknown"}}"#
        let known = entry.dropLast() + #","platform":{"os":"linux","architecture":"arm64","variant":"v8"}}"#
        let index = try #require(manifest(#"{"schemaVersion":2,"manifests":[\#(unknown),\#(known),\#(entry)]}"#))
        let resolved = ResolvedImage(manifest: index)
        #expect(resolved.platforms.map(\.description) == ["linux/arm64/v8"])
        #expect(resolved.suits(OCIPlatform(os: "linux", architecture: "arm64")))
        #expect(!resolved.suits(OCIPlatform(os: "linux", architecture: "amd64")))
        #expect(resolved.manifestDigest == nil)
    }

    @Test(arguments: ["library/nginx", "a", "a/b/c", "a-b_c.d/e__f", "0/1"])
    func `a repository's name can be in a path`(name: String) throws {
        try RegistryNames.check(repository: name, reference: "v1.0_a-B", host: "h")
    }

    @Test(arguments: [
        "", "/", "a/", "/a", "a//b", "../x", "a/../b", "A", "a b", "a?b", "a#b", "a%2fb", "a\n", "é", "a/.",
        "-a", "a..b", String(repeating: "a", count: 256),
    ])
    func `what could change the path is refused`(name: String) {
        #expect(throws: RegistryError.self) { try RegistryNames.check(repository: name, host: "h") }
    }

    @Test(arguments: [
        "", ".a", "-a", "a/b", "a:b", "a b", "a?b", "..", String(repeating: "a", count: 129), "sha256:abc",
    ])
    func `what is neither tag nor digest is refused`(reference: String) {
        #expect(throws: RegistryError.self) {
            try RegistryNames.check(repository: "a", reference: reference, host: "h")
        }
    }

    @Test func `CRC-32 is that of the standard`() {
        #expect(StoredGzip.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(StoredGzip.checksum([]) == 0)
    }

    @Test(arguments: [0, 1, 511, 512, 513, 65_535, 65_536, 200_000])
    func `gzip and tar read what is built`(size: Int) async throws {
        let directory = try TemporaryDirectory(prefix: "tar")
        let text = String(repeating: "x", count: size)
        let files = [TarFile(path: "a/b.txt", bytes: Array(text.utf8)), TarFile(path: "c", bytes: [0x63], mode: 0o755)]
        let packed = StoredGzip.compress(TarFile.archive(files))
        // The tools read base64, so that the archive can be written as text.
        try directory.write("archive.b64", Base64.encode(packed))
        let command = "base64 -d archive.b64 | gzip -d | tar -x && wc -c < a/b.txt && stat -c %a c"
        let result = try await TestProcess.run("sh", ["-c", command], workingDirectory: directory.path)
        #expect(result.standardOutput == "\(size)\n755\n")
    }
}
