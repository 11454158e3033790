import OCIRegistry
import TestSupport
import Testing
import WireFormats

/// Which image of an index a node takes, as containerd takes it.
@Suite(.timeLimit(.minutes(2))) struct PlatformMatchingTests {
    private static func platform(_ text: String, build: String? = nil) -> OCIPlatform {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        return OCIPlatform(
            os: parts[0],
            architecture: parts[1],
            variant: parts.count > 2 ? parts[2] : nil,
            osVersion: build
        )
    }

    @Test(arguments: [
        ("linux/x86_64", "linux/amd64"), ("linux/x86-64", "linux/amd64"), ("Linux/AMD64/v1", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"), ("linux/arm64/v8", "linux/arm64"), ("linux/arm64/8", "linux/arm64"),
        ("linux/armhf", "linux/arm/v7"), ("linux/armel", "linux/arm/v6"), ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"), ("linux/i386", "linux/386"), ("/amd64", "linux/amd64"),
        ("macos/arm64", "darwin/arm64"), ("linux/amd64/v3", "linux/amd64/v3"), ("linux/riscv64", "linux/riscv64"),
    ])
    func `other names for a platform mean the usual one`(text: String, expected: String) {
        #expect(Self.platform(text).normalized().description == expected)
    }

    @Test(
        arguments: [
            ("linux/x86_64", "linux/amd64", true), ("linux/aarch64", "linux/arm64", true),
            ("linux/armhf", "linux/arm", true), ("linux/arm/v6", "linux/arm", true),
            ("linux/arm/v8", "linux/arm/v7", false), ("linux/386", "linux/amd64", true),
            ("linux/amd64", "linux/386", false), ("linux/amd64/v2", "linux/amd64", false),
            ("linux/amd64/v2", "linux/amd64/v3", true), ("linux/amd64", "linux/amd64/v3", true),
            ("linux/arm/v7", "linux/arm64", true), ("linux/arm64/v9", "linux/arm64", false),
            ("linux/arm64/v8.2", "linux/arm64/v8.4", true), ("linux/arm64", "linux/arm64/v9.1", true),
            ("linux/arm64/v8.6", "linux/arm64/v9.1", true), ("linux/arm64/v8.7", "linux/arm64/v9.1", false),
            ("unknown/unknown", "linux/amd64", false), ("/", "linux/amd64", false), ("linux/", "linux/amd64", false),
            ("windows/amd64", "linux/amd64", false), ("linux/ppc64le", "linux/ppc64le", true),
        ] as [(String, String, Bool)]
    )
    func `an image is taken by the nodes that run it`(image: String, node: String, suits: Bool) {
        #expect(Self.platform(image).suits(Self.platform(node)) == suits)
    }

    @Test(
        arguments: [
            ("10.0.17763.3770", "10.0.17763.1", true), ("10.0.17763.1", "10.0.20348.1", false),
            ("10.0.20348.2227", "10.0.17763.1", false), ("10.0.20348.1", "10.0.22621.1", true),
            ("10.0.22621.1", "10.0.20348.1", false), ("10.0.20348.1", "10.0.26100.1", false),
            ("10.0.26100.1", "10.0.26100.9", true), (nil, "10.0.17763.1", true), ("10.0.17763.1", nil, true),
            ("10.0", "10.0.17763.1", true), ("6.1.17763.1", "10.0.17763.1", false),
        ] as [(String?, String?, Bool)]
    )
    func `builds of Windows are compared as hosts accept them`(image: String?, node: String?, suits: Bool) {
        let host = Self.platform("windows/amd64", build: node)
        #expect(Self.platform("windows/amd64", build: image).suits(host) == suits)
    }

    // MARK: - Indexes

    /// What an index says of one of its entries.
    private struct Entry: Sendable {
        var image: BuiltImage
        var platform: JSONValue?
    }

    private static func image(_ name: String, architecture: String = "amd64") -> BuiltImage {
        BuiltImage(
            layers: [[TarFile(path: name, bytes: Array(name.utf8))]],
            platform: OCIPlatform(os: "linux", architecture: architecture)
        )
    }

    private static func index(_ entries: [(OCIDescriptor, JSONValue?)]) -> [UInt8] {
        let manifests = entries.map { descriptor, platform in
            var plain = descriptor
            plain.platform = nil
            var json = plain.json
            if let platform { json["platform"] = platform }
            return json
        }
        let index: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(OCIMediaType.index), "manifests": .array(manifests),
        ]
        return index.serialized()
    }

    /// Resolves an index for a platform; the digest of the image that is chosen, or the error's code.
    private func choice(
        _ entries: [Entry],
        nested: Int = 0,
        for platform: String
    ) async throws -> Result<OCIDigest?, RegistryError> {
        let server = try await RegistryServer()
        let result = try await withClient { client in
            var list: [(OCIDescriptor, JSONValue?)] = []
            for entry in entries {
                let pushed = try await client.push(entry.image, host: server.host, repository: "a", tag: nil)
                list.append((pushed, entry.platform))
            }
            var bytes = Self.index(list)
            for _ in 0..<nested {
                let digest = OCIDigest(of: bytes)
                try await client.putManifest(
                    host: server.host,
                    repository: "a",
                    reference: digest.description,
                    bytes: bytes,
                    mediaType: OCIMediaType.index
                )
                let inner = OCIDescriptor(mediaType: OCIMediaType.index, digest: digest, size: bytes.count)
                bytes = Self.index([(inner, nil)])
            }
            try await client.putManifest(
                host: server.host,
                repository: "a",
                reference: "v1",
                bytes: bytes,
                mediaType: OCIMediaType.index
            )
            let node = Self.platform(platform)
            do throws(RegistryError) {
                let image = try await client.resolve(
                    host: server.host,
                    repository: "a",
                    reference: "v1",
                    platform: node
                )
                return Result<OCIDigest?, RegistryError>.success(image.manifestDigest)
            } catch {
                return .failure(error)
            }
        }
        await server.stop()
        return result
    }

    @Test func `an entry without a platform is known by its configuration, and comes after those that have one`()
        async throws
    {
        let plain = Entry(image: Self.image("plain", architecture: "x86_64"))
        let attestation = Entry(image: Self.image("sbom"), platform: ["os": "unknown", "architecture": "unknown"])
        let chosen = try await choice([attestation, plain], for: "linux/amd64").get()
        #expect(chosen == plain.image.descriptor.digest)
        let named = Entry(image: Self.image("named"), platform: ["os": "linux", "architecture": "x86_64"])
        #expect(try await choice([plain, named], for: "linux/amd64").get() == named.image.descriptor.digest)
        let other = try await choice([attestation, plain], for: "linux/s390x")
        #expect(throws: RegistryError.self) { try other.get() }
        if case .failure(let error) = other { #expect(error.code == .platformNotFound) }
    }

    @Test func `the best of several is taken, wherever it stands`() async throws {
        let old = Entry(image: Self.image("386"), platform: ["os": "linux", "architecture": "386"])
        let good = Entry(image: Self.image("amd64"), platform: ["os": "linux", "architecture": "amd64"])
        #expect(try await choice([old, good], for: "linux/amd64").get() == good.image.descriptor.digest)
        #expect(try await choice([old], for: "linux/amd64").get() == old.image.descriptor.digest)
    }

    @Test(arguments: [1, 3]) func `an index in an index is followed`(nested: Int) async throws {
        let arm = Entry(image: Self.image("arm"), platform: ["os": "linux", "architecture": "aarch64"])
        let intel = Entry(image: Self.image("intel"), platform: ["os": "linux", "architecture": "amd64"])
        let chosen = try await choice([intel, arm], nested: nested, for: "linux/arm64").get()
        #expect(chosen == arm.image.descriptor.digest)
    }

    @Test func `indexes one in the other without end are given up`() async throws {
        let entry = Entry(image: Self.image("deep"), platform: ["os": "linux", "architecture": "amd64"])
        let result = try await choice([entry], nested: 9, for: "linux/amd64")
        guard case .failure(let error) = result else {
            Issue.record("resolved")
            return
        }
        #expect(error.code == .unsupported)
    }
}
