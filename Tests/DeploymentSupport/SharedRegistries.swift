import OCIRegistry
import Redaction
package import TestSupport
package import WireFormats

/// Two private registries with an account each and an open one, with small images on them: servers of this machine, or
/// those of `LONGSHORE_TEST_REGISTRIES`.
package final class SharedRegistries: Sendable {
    /// One registry with its images.
    package struct Registry: Sendable {
        private let path: String
        /// As image references have it.
        package let address: String
        /// The account's name; empty for an open registry.
        package let username: String
        /// The account's password: a word that occurs nowhere else.
        package let password: String

        /// The server, where it is this machine's.
        package let server: RegistryServer?
        /// A small image that needs the account.
        package var `private`: String { "\(address)/\(path)team/app:v1" }
        /// A small image that anyone may pull.
        package var `public`: String { "\(address)/\(path)tools/probe:1" }
        /// The entry of `registryCredentials`.
        package var credential: JSONValue {
            ["registry": .string(address), "username": .string(username), "password": .string(password)]
        }

        fileprivate init(server: RegistryServer, username: String, password: String) {
            self.server = server
            path = ""
            address = server.host
            self.username = username
            self.password = password
        }

        fileprivate init(_ account: RegistryAccount) {
            server = nil
            path = account.path.isEmpty ? "" : "\(account.path)/"
            address = account.host
            username = account.username
            password = account.password
        }

        fileprivate func push(_ name: String, tag: String, bytes: Int, by client: RegistryClient) async throws {
            let content = (0..<bytes).map { _ in UInt8.random(in: 0...255) }
            try await client.push(
                BuiltImage(layers: [[TarFile(path: "content", bytes: content)]]),
                host: address,
                repository: path + name,
                tag: tag,
                credential: username.isEmpty
                    ? .anonymous : .basic(username: username, password: SecretBytes(utf8: password))
            )
        }
    }

    /// A private registry.
    package let first: Registry
    /// Another one, with another account.
    package let second: Registry
    /// One without accounts; where none was given, the first: its images need the account then.
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

    private static let starting = Start()

    /// What all tests share, started by whoever asks first.
    package enum instance {
        /// The registries.
        package static func get() async throws -> SharedRegistries {
            try await starting.get()
        }
    }

    private static func make() async throws -> SharedRegistries {
        let client = try RegistryClient()
        do {
            let made: SharedRegistries
            if let given = TestTarget.registries {
                made = try choose(try given.get())
            } else {
                made = try await startServers()
            }
            // One after the other: two of them may be one registry with two paths.
            for registry in [made.first, made.second] {
                try await registry.push("team/app", tag: "v1", bytes: 20_000, by: client)
            }
            try await made.open.push("tools/probe", tag: "1", bytes: 10_000, by: client)
            await client.close()
            return made
        } catch {
            await client.close()
            throw error
        }
    }

    /// Of given registries the first two with accounts and the first without; one alone is both of the two.
    private static func choose(_ accounts: [RegistryAccount]) throws -> SharedRegistries {
        let registries = accounts.map(Registry.init)
        let privates = registries.filter { !$0.username.isEmpty }
        guard let first = privates.first else {
            throw TestSupportError("LONGSHORE_TEST_REGISTRIES names no registry with an account")
        }
        return SharedRegistries(
            first: first,
            second: privates.dropFirst().first ?? first,
            open: registries.first { $0.username.isEmpty } ?? first
        )
    }

    private static func startServers() async throws -> SharedRegistries {
        func registry(_ username: String) async throws -> Registry {
            let password = username.isEmpty ? "" : "canary-\(UInt64.random(in: 0...UInt64.max))"
            let server = try await RegistryServer(accounts: username.isEmpty ? [:] : [username: password])
            return Registry(server: server, username: username, password: password)
        }
        return try await SharedRegistries(
            first: registry("robot-one"),
            second: registry("robot-two"),
            open: registry("")
        )
    }
}
