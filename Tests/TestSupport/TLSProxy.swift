import Glibc

/// `nghttpx` in front of a plain server: TLS and HTTP/2 outside, HTTP/1.1 inside.
package final class TLSProxy: Sendable {
    /// One request as the proxy saw it.
    package struct Entry: Sendable {
        /// The client's port, one a connection.
        package let clientPort: String
        /// `h2` or `http/1.1`.
        package let protocolName: String
    }

    /// Where it listens, on 127.0.0.1.
    package let port: Int
    private let process: TestProcess
    private let directory: TemporaryDirectory

    /// Starts a proxy and waits until it listens.
    ///
    /// - Parameters:
    ///   - pair: The server's certificate and key.
    ///   - backendPort: The plain server's port on 127.0.0.1.
    ///   - clientAuthority: The file of an authority that clients must have a certificate of.
    ///   - maximumProtocol: `TLSv1.3`, or an older one that the proxy is limited to.
    package init(
        _ pair: TestCertificates.Pair,
        backendPort: Int,
        clientAuthority: String? = nil,
        maximumProtocol: String = "TLSv1.3"
    ) async throws {
        directory = try TemporaryDirectory(prefix: "proxy")
        port = try freePort()
        var arguments = [
            "--conf=/dev/null", "--frontend=127.0.0.1,\(port)", "--backend=127.0.0.1,\(backendPort)", "--no-ocsp",
            "--workers=1", "--errorlog-file=\(directory.appending("error"))",
            "--accesslog-file=\(directory.appending("access"))", "--accesslog-format=$remote_port $alpn",
        ]
        if let clientAuthority {
            arguments += ["--verify-client", "--verify-client-cacert=\(clientAuthority)"]
        }
        if maximumProtocol != "TLSv1.3" {
            arguments += [
                "--tls-min-proto-version=TLSv1.0", "--tls-max-proto-version=\(maximumProtocol)",
                "--ciphers=ALL:@SECLEVEL=0",
            ]
        }
        process = try TestProcess("nghttpx", arguments + [pair.keyPath, pair.certificatePath])
        try await waitUntil("nghttpx") {
            if !process.isRunning { throw TestSupportError("nghttpx: \(process.standardError.suffix(500))") }
            return canConnect(port: port)
        }
    }

    /// `https://host:port` and a path.
    package func url(_ path: String = "/", host: String = "localhost") -> String { "https://\(host):\(port)\(path)" }

    /// The requests so far.
    package var entries: [Entry] {
        readFile(directory.appending("access")).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ").map(String.init)
            return parts.count == 2 ? Entry(clientPort: parts[0], protocolName: parts[1]) : nil
        }
    }

    /// Ends the proxy.
    package func stop() async { await process.stop(gracePeriod: .milliseconds(200)) }
}

/// Whether something accepts TCP connections on a port of 127.0.0.1.
package func canConnect(port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
