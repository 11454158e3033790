import Glibc

/// A real registry of a test: Debian's `docker-registry` on a free port of 127.0.0.1, with a storage folder of its own.
package final class RegistryServer: Sendable {
    /// The port.
    package let port: Int
    private let process: TestProcess
    private let directory: TemporaryDirectory

    /// `127.0.0.1:port`, as image references have it.
    package var host: String { "127.0.0.1:\(port)" }

    /// Starts a registry and waits until it answers.
    ///
    /// - Parameters:
    ///   - accounts: Passwords by user name; empty for a registry that asks for none.
    ///   - certificate: What it speaks TLS with; nil for plain HTTP.
    package init(
        accounts: [String: String] = [:],
        certificate: TestCertificates.Pair? = nil
    ) async throws {
        directory = try TemporaryDirectory(prefix: "registry")
        let storage = directory.appending("storage")
        var tries = 5
        // Between finding a free port and listening on it somebody else may take it.
        while true {
            let candidate = try freePort()
            let path = try directory.write(
                "config.yml",
                try await Self.configuration(candidate, directory, storage, accounts, certificate)
            )
            let started = try TestProcess("docker-registry", ["serve", path])
            try await waitUntil("the registry") { !started.isRunning || canConnect(port: candidate) }
            if started.isRunning {
                (port, process) = (candidate, started)
                return
            }
            tries -= 1
            if tries == 0 { throw TestSupportError("docker-registry: \(started.standardError.suffix(500))") }
        }
    }

    private static func configuration(
        _ port: Int,
        _ directory: TemporaryDirectory,
        _ storage: String,
        _ accounts: [String: String],
        _ certificate: TestCertificates.Pair?
    ) async throws -> String {
        var configuration = """
            version: 0.1
            log:
              level: warn
            storage:
              filesystem:
                rootdirectory: \(storage)
              delete:
                enabled: true
            http:
              addr: 127.0.0.1:\(port)

            """
        if let certificate {
            configuration += """
                  tls:
                    certificate: \(certificate.certificatePath)
                    key: \(certificate.keyPath)

                """
        }
        if !accounts.isEmpty {
            let file = directory.appending("htpasswd")
            var lines = ""
            for (name, password) in accounts.sorted(by: { $0.key < $1.key }) {
                // The lowest cost of bcrypt: the registry checks it at each request.
                let made = try await TestProcess.run("htpasswd", ["-nbBC", "4", name, password])
                lines += made.standardOutput.split(separator: "\n").joined() + "\n"
            }
            try writeFile(file, lines, mode: 0o600)
            configuration += """
                auth:
                  htpasswd:
                    realm: test
                    path: \(file)

                """
        }
        return configuration
    }

    /// What it has logged.
    package var log: String { process.standardError + process.standardOutput }

    /// Cuts a blob's file to its first bytes, so that the registry serves what its digest does not say.
    ///
    /// - Parameter digest: `sha256:…`.
    package func corruptBlob(_ digest: String) throws {
        let hex = digest.dropFirst("sha256:".count)
        let path = "\(directory.path)/storage/docker/registry/v2/blobs/sha256/\(hex.prefix(2))/\(hex)/data"
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TestSupportError("no blob \(digest)") }
        defer { close(descriptor) }
        var byte: UInt8 = 0x21
        guard pwrite(descriptor, &byte, 1, 0) == 1 else { throw TestSupportError("the blob cannot be written") }
    }

    /// Stops it without ending it: it accepts connections and never answers.
    package func freeze() { process.signal(SIGSTOP) }

    /// Undoes ``freeze()``.
    package func thaw() { process.signal(SIGCONT) }

    /// Ends the registry.
    package func stop() async { await process.stop(gracePeriod: .milliseconds(500)) }
}
