/// A certificate authority and certificates of a test, made with `openssl`.
package struct TestCertificates: Sendable {
    /// A certificate and its key as PEM files.
    package struct Pair: Sendable {
        /// The certificate's file.
        package let certificatePath: String
        /// The key's file.
        package let keyPath: String
        /// The certificate.
        package var certificate: String { readFile(certificatePath) }
        /// The private key.
        package var key: String { readFile(keyPath) }
    }

    /// The folder of the files.
    package let directory: TemporaryDirectory
    /// The authority.
    package let authority: Pair

    /// Makes an authority.
    package init(name: String = "Test CA") async throws {
        directory = try TemporaryDirectory(prefix: "tls")
        authority = Pair(
            certificatePath: directory.appending("ca.pem"),
            keyPath: directory.appending("ca.key")
        )
        try await TestProcess.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=\(name)", "-keyout", authority.keyPath, "-out", authority.certificatePath,
            ]
        )
    }

    /// Makes a certificate that the authority has signed.
    ///
    /// - Parameters:
    ///   - name: The files' and the subject's name.
    ///   - subjects: Subject alternative names: `DNS:localhost`, `IP:127.0.0.1`.
    ///   - isExpired: Whether it ended yesterday.
    package func issue(
        _ name: String,
        for subjects: [String] = ["DNS:localhost", "IP:127.0.0.1"],
        isExpired: Bool = false
    ) async throws -> Pair {
        let request = directory.appending("\(name).csr")
        let pair = Pair(
            certificatePath: directory.appending("\(name).pem"),
            keyPath: directory.appending("\(name).key")
        )
        try await TestProcess.run(
            "openssl",
            [
                "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)",
                "-addext", "subjectAltName=\(subjects.joined(separator: ","))", "-keyout", pair.keyPath,
                "-out", request,
            ]
        )
        try await TestProcess.run(
            "openssl",
            [
                "x509", "-req", "-in", request, "-CA", authority.certificatePath, "-CAkey", authority.keyPath,
                "-days", isExpired ? "-1" : "2", "-copy_extensions", "copy", "-out", pair.certificatePath,
            ]
        )
        return pair
    }
}
