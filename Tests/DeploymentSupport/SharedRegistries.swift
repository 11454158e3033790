import OCIRegistry
import Redaction
package import TestSupport
package import WireFormats

/// Two private registries with an account each and an open one, with small images on them.
package final class SharedRegistries: Sendable {
    /// One registry with its images.
    package struct Registry: Sendable {
        /// The server.
        package let server: RegistryServer
        /// The account's name; empty for an open registry.
        package let username: String
        /// The account's password: a word that occurs nowhere else.
        package let password: String

        /// As image references have it.
        package var address: String { server.host }
        /// A small image that needs the account.
        package var `private`: String { "\(address)/team/app:v1" }
        /// A small image that anyone may pull.
        package var `public`: String { "\(address)/tools/probe:1" }
        /// The entry of `registryCredentials`.
        package var credential: JSONValue {
            ["registry": .string(address), "username": .string(username), "password": .string(password)]
        }
    }

    /// A private registry.
    package let first: Registry
    /// Another one, with another account.
    package let second: Registry
    /// One without accounts.
    package let open: Registry

    private init(first: Registry, second: Registry, open: Registry) {
        self.first = first
        self.second = second
        self.open = open
    }

    private actor Start {
        var starting: Task<SharedRegistries, any Error>?

        func get() async throws -> SharedRegistries {
            if let starting { return try await starting.value }
            let task = Task { try await SharedRegistries.make() }
            starting = task
            return try await task.value
        }
    }

    private static let start = Start()

    /// What all tests share, started by whoever asks first.
    package enum instance {
        /// The registries.
        package static func get() async throws -> SharedRegistries {
            try await start.get()
        }
    }

    private static func make() async throws -> SharedRegistries {
        let client = try RegistryClient()
        func registry(_ username: String, _ images: [(name: String, tag: String, bytes: Int)]) async throws -> Registry
        {
            let password = username.isEmpty ? "" : "canary-\(UInt64.random(in: 0...UInt64.max))"
            let server = try await RegistryServer(accounts: username.isEmpty ? [:] : [username: password])
            let credential: RegistryCredential =
                username.isEmpty ? .anonymous : .basic(username: username, password: SecretBytes(utf8: password))
            for (name, tag, bytes) in images {
                let content = (0..<bytes).map { _ in UInt8.random(in: 0...255) }
                let layer = [TarFile(path: "content", bytes: content)]
                try await client.push(
                    BuiltImage(layers: [layer]),
                    host: server.host,
                    repository: name,
                    tag: tag,
                    credential: credential
                )
            }
            return Registry(server: server, username: username, password: password)
        }
        let privates = [("team/app", "v1", 20_000)]
        let made = try await (
            registry("robot-one", privates), registry("robot-two", privates),
            registry("", [("tools/probe", "1", 10_000)])
        )
        await client.close()
        return SharedRegistries(first: made.0, second: made.1, open: made.2)
    }
}
