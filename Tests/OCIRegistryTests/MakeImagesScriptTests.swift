import OCIRegistry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct MakeImagesScriptTests {
    private var script: String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return "/\(root)/compose/lib/make_images.py"
    }

    @Test func `the images that compose/demo pushes are read back whole`() async throws {
        let server = try await RegistryServer(accounts: ["robot": "pass:word"])
        try await withClient { client in
            try await TestProcess.run(
                "python3",
                [script, "--registry", server.host, "--username", "robot", "ml/train:v3=1MiB", "ml/base:2026.11=3000"],
                environment: ["REGISTRY_PASSWORD": "pass:word"]
            )
            for (repository, tag, size) in [("ml/train", "v3", 1 << 20), ("ml/base", "2026.11", 3000)] {
                let credential = RegistryCredential.password("pass:word")
                let image = try await client.resolve(
                    host: server.host,
                    repository: repository,
                    reference: tag,
                    credential: credential
                )
                let layer = try #require(image.layers.first)
                #expect(layer.size > size)
                let blob = try await client.blob(
                    host: server.host,
                    repository: repository,
                    digest: layer.digest,
                    size: layer.size,
                    credential: credential
                )
                #expect(try await blob.collect(upTo: 2 << 20).count == layer.size)
            }
        }
        await server.stop()
    }

    @Test func `a wrong password ends the script with an error that does not show it`() async throws {
        let server = try await RegistryServer(accounts: ["robot": "right"])
        let result = try await TestProcess.run(
            "python3",
            [script, "--registry", server.host, "--username", "robot", "a:v1=10"],
            environment: ["REGISTRY_PASSWORD": "canary"],
            check: false
        )
        #expect(result.termination == .exited(1))
        #expect(result.standardError.contains("401"))
        #expect(!result.standardError.contains("canary"))
        await server.stop()
    }
}
