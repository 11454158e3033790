import Curl
import OCIRegistry
import Redaction
import TestSupport
import Testing
import WireFormats

/// The client against a registry that others use too.
@Suite(.timeLimit(.minutes(2))) struct RegistryServerTests {
    @Test(arguments: BuiltImage.Compression.allCases)
    func `an image that was pushed is resolved and read back`(compression: BuiltImage.Compression) async throws {
        let server = try await RegistryServer()
        try await withClient { client in
            let image = sampleImage(compression: compression)
            try await client.push(image, host: server.host, repository: "team/app", tag: "v1")
            // A second time finds everything there.
            try await client.push(image, host: server.host, repository: "team/app", tag: "latest")
            let resolved = try await client.resolve(host: server.host, repository: "team/app", reference: "v1")
            #expect(resolved.digest == image.descriptor.digest)
            #expect(resolved.mediaType == OCIMediaType.manifest)
            #expect(resolved.layers.map(\.digest) == image.layers.map { OCIDigest(of: $0) })
            #expect(resolved.configDigest == OCIDigest(of: image.config))
            let sizes = image.manifest.count + image.config.count + image.layers.reduce(0) { $0 + $1.count }
            #expect(resolved.totalBytes == sizes)
            let byDigest = try await client.resolve(
                host: server.host,
                repository: "team/app",
                reference: resolved.digest.description
            )
            #expect(byDigest == resolved)
            for (layer, bytes) in zip(resolved.layers, image.layers) {
                let blob = try await client.blob(
                    host: server.host,
                    repository: "team/app",
                    digest: layer.digest,
                    size: layer.size
                )
                #expect(try await blob.collect(upTo: 1 << 20) == bytes)
            }
        }
        await server.stop()
    }

    @Test func `an index leads to each platform's image`() async throws {
        let server = try await RegistryServer()
        try await withClient { client in
            let arm = OCIPlatform(os: "linux", architecture: "arm64", variant: "v8")
            let images = [
                sampleImage(), BuiltImage(layers: [[TarFile(path: "arm", bytes: [1])]], platform: arm),
            ]
            let digest = try await client.push(index: images, host: server.host, repository: "multi", tag: "v1")
            let all = try await client.resolve(host: server.host, repository: "multi", reference: "v1")
            #expect(all.digest == digest)
            #expect(all.platforms.map(\.description) == ["linux/amd64", "linux/arm64/v8"])
            #expect(all.totalBytes == 0)
            let one = try await client.resolve(
                host: server.host,
                repository: "multi",
                reference: "v1",
                platform: OCIPlatform(os: "linux", architecture: "arm64")
            )
            #expect(one.digest == digest)
            #expect(one.manifestDigest == images[1].descriptor.digest)
            #expect(one.layers.count == 1)
            let error = await registryError { () throws(RegistryError) in
                try await client.resolve(
                    host: server.host,
                    repository: "multi",
                    reference: "v1",
                    platform: OCIPlatform(os: "windows", architecture: "amd64")
                )
            }
            #expect(error?.code == .platformNotFound)
            #expect(error?.isRetryable == false)
        }
        await server.stop()
    }

    @Test func `what is not there is not found`() async throws {
        let server = try await RegistryServer()
        try await withClient { client in
            try await client.push(sampleImage(), host: server.host, repository: "app", tag: "v1")
            for (repository, reference) in [("app", "v2"), ("other", "v1"), ("app", OCIDigest(of: [1]).description)] {
                let error = await registryError { () throws(RegistryError) in
                    try await client.resolve(host: server.host, repository: repository, reference: reference)
                }
                #expect(error?.code == .notFound)
                #expect(error?.httpStatus == 404)
                #expect(error?.isRetryable == false)
                #expect(error?.message.contains("MANIFEST_UNKNOWN") == true)
            }
            let error = await registryError { () throws(RegistryError) in
                try await client.blob(host: server.host, repository: "app", digest: OCIDigest(of: [9]))
            }
            #expect(error?.code == .notFound)
        }
        await server.stop()
    }

    @Test func `a password is checked`() async throws {
        let server = try await RegistryServer(accounts: ["robot": "right horse", "other": "second:pass é"])
        try await withClient { client in
            let image = sampleImage()
            try await client.push(
                image,
                host: server.host,
                repository: "private/app",
                tag: "v1",
                credential: .password("right horse")
            )
            func resolve(_ credential: RegistryCredential) async -> RegistryError? {
                await registryError { () throws(RegistryError) in
                    try await client.resolve(
                        host: server.host,
                        repository: "private/app",
                        reference: "v1",
                        credential: credential
                    )
                }
            }
            #expect(await resolve(.password("right horse")) == nil)
            #expect(await resolve(.password("second:pass é", user: "other")) == nil)
            for credential in [
                RegistryCredential.anonymous, .password("wrong horse"), .password("right horse", user: "nobody"),
                .registryToken(SecretBytes(utf8: "right horse")), .identityToken(SecretBytes(utf8: "right horse")),
            ] {
                let error = await resolve(credential)
                #expect(error?.code == .unauthorized)
                #expect(error?.httpStatus == 401)
                #expect(error?.isRetryable == false)
                #expect(error.map { "\($0)".contains("horse") } == false)
            }
            #expect(
                await registryError { () throws(RegistryError) in
                    try await client.ping(host: server.host, credential: .password("right horse"))
                } == nil
            )
            #expect(
                await registryError { () throws(RegistryError) in
                    try await client.ping(host: server.host, credential: .password("wrong"))
                }?.code == .unauthorized
            )
            #expect(!server.log.contains("horse"))
        }
        await server.stop()
    }

    @Test func `many at once with a right password all succeed`() async throws {
        let server = try await RegistryServer(accounts: ["robot": "right"])
        try await withClient { client in
            let credential = RegistryCredential.password("right")
            try await client.push(sampleImage(), host: server.host, repository: "a", tag: "v1", credential: credential)
            let failures = await withTaskGroup(of: RegistryError?.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        await registryError { () throws(RegistryError) in
                            try await client.resolve(
                                host: server.host,
                                repository: "a",
                                reference: "v1",
                                credential: credential
                            )
                        }
                    }
                }
                return await group.reduce(into: []) { if let error = $1 { $0.append(error) } }
            }
            #expect(failures.isEmpty)
        }
        await server.stop()
    }

    @Test func `a blob that has changed on the registry's disk is found out at its end`() async throws {
        let server = try await RegistryServer()
        try await withClient { client in
            let image = sampleImage()
            try await client.push(image, host: server.host, repository: "app", tag: "v1")
            let digest = OCIDigest(of: image.layers[1])
            try server.corruptBlob(digest.description)
            let error = await registryError { () throws(RegistryError) in
                let blob = try await client.blob(host: server.host, repository: "app", digest: digest)
                return try await blob.collect(upTo: 1 << 20)
            }
            #expect(error?.code == .digestMismatch)
        }
        await server.stop()
    }

    @Test func `TLS by a private authority`() async throws {
        let certificates = try await TestCertificates()
        let server = try await RegistryServer(certificate: try await certificates.issue("r", for: ["DNS:hub.test"]))
        let override = CurlClient.ResolveOverride(
            host: "hub.test",
            port: server.port,
            addresses: [try #require(IPAddress("127.0.0.1"))]
        )
        let pem = Array(certificates.authority.certificate.utf8)
        let trusting = CurlClient.Configuration(caPEM: pem, resolveOverrides: [override])
        try await withClient(.init(http: trusting)) { client in
            try await client.push(sampleImage(), host: "hub.test:\(server.port)", repository: "app", tag: "v1")
        }
        try await withClient(.init(http: .init(resolveOverrides: [override]))) { client in
            let error = await registryError { () throws(RegistryError) in
                try await client.ping(host: "hub.test:\(server.port)")
            }
            #expect(error?.code == .tls)
            #expect(error?.isRetryable == false)
        }
        await server.stop()
    }
}
