import Crypto
package import Curl
import Redaction

/// A client of the OCI distribution API (version 1.1), with the token authentication of the distribution project.
///
/// A credential is shown to the registry that it was given for, and to the token server that this registry names over a
/// connection as safe as its own; never to the target of a redirect or an upload on another host, nor to the token server
/// that such a host names: they get at most an anonymous token of that host's own.
///
/// Thread safety: every method may be called from any task.
package final class RegistryClient: Sendable {
    /// What all requests of a client share.
    package struct Configuration: Sendable {
        /// `host[:port]` of registries that speak plain HTTP, besides loopback hosts; none by default.
        package var plainHTTPHosts: Set<String>
        /// Which addresses registries, token servers and redirects may have; nil, the default, for all.
        package var addressPolicy: AddressPolicy?
        /// The longest time for one request and its answer, blobs apart; 30 s by default.
        package var requestTimeout: Duration
        /// The longest time without a byte while a blob is read or written; 60 s by default.
        package var blobIdleTimeout: Duration
        /// The largest manifest; 4 MiB by default, as the distribution specification has it.
        package var maximumManifestBytes: Int
        /// Whether a user name and a password go to token servers in an OAuth2 form first, as containerd sends them, and
        /// in a header only to those that know no form; false by default, which is the other way round.
        package var exchangesPasswords: Bool
        /// Certificates, user agent and connection limits.
        package var http: CurlClient.Configuration

        /// Makes a configuration; each argument has the default that its property names.
        package init(
            plainHTTPHosts: Set<String> = [],
            addressPolicy: AddressPolicy? = nil,
            requestTimeout: Duration = .seconds(30),
            blobIdleTimeout: Duration = .seconds(60),
            maximumManifestBytes: Int = 4 << 20,
            exchangesPasswords: Bool = false,
            http: CurlClient.Configuration = CurlClient.Configuration()
        ) {
            self.plainHTTPHosts = Set(plainHTTPHosts.map { $0.lowercased() })
            self.addressPolicy = addressPolicy
            self.requestTimeout = requestTimeout
            self.blobIdleTimeout = blobIdleTimeout
            self.maximumManifestBytes = maximumManifestBytes
            self.exchangesPasswords = exchangesPasswords
            self.http = http
        }
    }

    let configuration: Configuration
    let http: CurlClient
    let tokens = TokenCache()
    let gate = CredentialGate()
    let fingerprintKey = SymmetricKey(size: .bits256)

    /// Makes a client.
    ///
    /// - Throws: ``RegistryError/Code/network`` when the system has no room for its thread.
    package init(configuration: Configuration = Configuration()) throws(RegistryError) {
        self.configuration = configuration
        do {
            http = try CurlClient(configuration: configuration.http)
        } catch {
            throw RegistryError(error, host: "")
        }
    }

    /// Ends all requests.
    package func close() async { await http.close() }
}

// MARK: - Reading

extension RegistryClient {
    /// Asks whether the registry is there and takes the credential.
    ///
    /// - Throws: ``RegistryError``.
    package func ping(host: String, credential: RegistryCredential = .anonymous) async throws(RegistryError) {
        let endpoint = try endpoint(host)
        let call = RegistryCall(path: "/v2/", maximumBytes: 64 << 10)
        let reply = try await whole(call, at: endpoint, credential: credential, scope: nil)
        try await check(reply, host: endpoint.host, credential: credential)
    }

    /// Finds out what a reference stands for.
    ///
    /// - Parameters:
    ///   - host: The registry.
    ///   - repository: The path in it.
    ///   - reference: A tag or a digest.
    ///   - credential: What to show.
    ///   - platform: Which image of an index to look into; nil for none.
    /// - Returns: Digest, layers and size.
    /// - Throws: ``RegistryError``; ``RegistryError/Code/platformNotFound`` when an index lacks the platform.
    package func resolve(
        host: String,
        repository: String,
        reference: String,
        credential: RegistryCredential = .anonymous,
        platform: OCIPlatform? = nil
    ) async throws(RegistryError) -> ResolvedImage {
        let manifest = try await manifest(
            host: host,
            repository: repository,
            reference: reference,
            credential: credential
        )
        let image = ResolvedImage(manifest: manifest)
        guard image.index != nil, let platform else { return image }
        let place = Place(host: host, repository: repository, credential: credential)
        return try await look(into: image, at: place, for: platform)
    }

    /// Reads a manifest and verifies its digest.
    ///
    /// - Throws: ``RegistryError``; ``RegistryError/Code/digestMismatch`` when the bytes are not those of the digest that
    ///   was asked for or announced.
    package func manifest(
        host: String,
        repository: String,
        reference: String,
        credential: RegistryCredential = .anonymous
    ) async throws(RegistryError) -> OCIManifest {
        let endpoint = try endpoint(host)
        try RegistryNames.check(repository: repository, reference: reference, host: endpoint.host)
        var call = RegistryCall(
            path: "/v2/\(repository)/manifests/\(reference)",
            maximumBytes: configuration.maximumManifestBytes
        )
        call.headers = [("Accept", OCIMediaType.accepted.joined(separator: ", "))]
        let scope = RegistryNames.scope(repository, "pull")
        let reply = try await whole(call, at: endpoint, credential: credential, scope: scope)
        try await check(reply, host: endpoint.host, credential: credential)
        let announced = reply.header("Docker-Content-Digest").flatMap { OCIDigest($0) }
        let expected = OCIDigest(reference) ?? announced
        let digest = OCIDigest(of: reply.body, algorithm: expected?.algorithm ?? .sha256)
        guard expected == nil || digest == expected else {
            throw RegistryError(.digestMismatch, host: endpoint.host, message: "the manifest is not \(reference)")
        }
        let type = reply.header("Content-Type")
        guard let manifest = OCIManifest(bytes: reply.body, digest: digest, contentType: type) else {
            let isOld = OCIManifest.isSchema1(bytes: reply.body, contentType: type)
            throw RegistryError(
                isOld ? .unsupported : .invalidResponse,
                host: endpoint.host,
                message: isOld ? RegistryError.schema1Message : "the answer is not a manifest"
            )
        }
        return manifest
    }

    /// Starts to read a blob.
    ///
    /// - Parameters:
    ///   - host: The registry.
    ///   - repository: The path in it.
    ///   - digest: The blob's.
    ///   - size: The length that the manifest gives, where it is known; more bytes are an error.
    ///   - credential: What to show.
    /// - Returns: The bytes; reading them to the end verifies the digest.
    /// - Throws: ``RegistryError``.
    package func blob(
        host: String,
        repository: String,
        digest: OCIDigest,
        size: Int? = nil,
        credential: RegistryCredential = .anonymous
    ) async throws(RegistryError) -> RegistryBlob {
        let endpoint = try endpoint(host)
        try RegistryNames.check(repository: repository, host: endpoint.host)
        var call = RegistryCall(path: "/v2/\(repository)/blobs/\(digest)", maximumBytes: size)
        call.hasDeadline = false
        call.idleTimeout = configuration.blobIdleTimeout
        let scope = RegistryNames.scope(repository, "pull")
        let reply = try await send(call, at: endpoint, credential: credential, scope: scope) {
            [http] request throws(CurlError) in
            try await http.stream(request)
        }
        try await check(reply, host: endpoint.host, credential: credential)
        return RegistryBlob(body: reply.body, digest: digest, size: size, host: endpoint.host)
    }

    func endpoint(_ host: String) throws(RegistryError) -> RegistryEndpoint {
        try RegistryEndpoint(host, plainHTTPHosts: configuration.plainHTTPHosts)
    }
}
