import Curl
import FoundationEssentials
import KubernetesAPI
import OCIRegistry
import Redaction
import WireFormats

/// Pulls from registries as containerd does: resolve, fetch the manifest of the node's platform, fetch and verify the
/// configuration and every layer that is not on the node yet.
final class RegistryPuller: ImagePuller {
    private let client: RegistryClient
    private let plainHTTPHosts: Set<String>
    /// Where content is kept, by digest and shared by all nodes; nil discards it once it is verified.
    private let contentDirectory: String?
    /// A layer above this size is verified and not kept: it would have to be gathered in memory.
    private static let storedBlobLimit = 64 << 20

    init(plainHTTPHosts: [String], contentDirectory: String?) throws {
        var configuration = RegistryClient.Configuration(plainHTTPHosts: Set(plainHTTPHosts))
        configuration.http.userAgent = "containerd/2.2.0"
        configuration.exchangesPasswords = true
        client = try RegistryClient(configuration: configuration)
        self.plainHTTPHosts = configuration.plainHTTPHosts
        self.contentDirectory = contentDirectory.map { "\($0)/blobs/sha256" }
        if let path = self.contentDirectory {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
    }

    func immediateOutcome(_ order: PullOrder) -> PullOutcome? { nil }

    func close() async { await client.close() }

    /// Tries each credential in turn, as the kubelet does; without any, once anonymously.
    func pull(_ order: PullOrder) async -> PullOutcome {
        var failures: [PullFailure] = []
        let attempts: [KubeletKeyring.Credential?] = order.credentials.isEmpty ? [nil] : order.credentials.map { $0 }
        for credential in attempts {
            do throws(PullFailure) {
                return .pulled(try await pull(order, credential), credential: credential)
            } catch {
                failures.append(error)
            }
        }
        guard failures.count > 1 else { return .failed(failures[0]) }
        var combined = failures[0]
        combined.message += ", " + failures.dropFirst().map { $0.text(order.image) }.joined(separator: ", ")
        return .failed(combined)
    }

    private func pull(
        _ order: PullOrder,
        _ credential: KubeletKeyring.Credential?
    ) async throws(PullFailure) -> PulledImage {
        let access = Self.access(credential)
        let image = order.image
        let platform = OCIPlatform(os: order.operatingSystem, architecture: order.architecture)
        let resolved: ResolvedImage
        do throws(RegistryError) {
            resolved = try await client.resolve(
                host: image.registryHost,
                repository: image.path,
                reference: image.reference,
                credential: access,
                platform: platform
            )
        } catch {
            throw failure(error, image)
        }
        var pulled = PulledImage(
            digest: resolved.digest.description,
            manifestDigest: (resolved.manifestDigest ?? resolved.digest).description,
            blobs: [:]
        )
        if let configDigest = resolved.configDigest {
            let bytes = try await blob(order, configDigest, size: nil, access)
            try read(configuration: bytes, order, &pulled)
            pulled.blobs[configDigest.description] = bytes.count
        }
        var free = order.freeBytes
        for layer in resolved.layers {
            let digest = layer.digest.description
            pulled.blobs[digest] = layer.size
            if order.presentBlobs.contains(digest) { continue }
            free -= layer.size
            guard free >= 0 else { throw .noSpace(blob: digest) }
            _ = try await blob(order, layer.digest, size: layer.size, access)
        }
        return pulled
    }

    private static func access(_ credential: KubeletKeyring.Credential?) -> RegistryCredential {
        guard let credential, !credential.isAnonymous else { return .anonymous }
        return .basic(username: credential.username, password: credential.password)
    }

    /// Reads one blob to its verified end, no faster than the node's link; returns it when it is small enough to keep.
    private func blob(
        _ order: PullOrder,
        _ digest: OCIDigest,
        size: Int?,
        _ access: RegistryCredential
    ) async throws(PullFailure) -> [UInt8] {
        let isKept = size == nil || (contentDirectory != nil && (size ?? 0) <= Self.storedBlobLimit)
        var kept: [UInt8] = []
        var received = 0
        let start = ContinuousClock.now
        do throws(RegistryError) {
            let blob = try await client.blob(
                host: order.image.registryHost,
                repository: order.image.path,
                digest: digest,
                size: size,
                credential: access
            )
            var iterator = blob.makeAsyncIterator()
            while let piece = try await iterator.next() {
                received += piece.count
                if isKept { kept += piece }
                await Self.pace(received, order.bandwidthBytesPerSecond, since: start)
            }
        } catch {
            if error.code == .digestMismatch { throw .wrongDigest(blob: digest.description) }
            throw failure(error, order.image)
        }
        if isKept { store(kept, digest) }
        return kept
    }

    private static func pace(_ received: Int, _ bandwidth: Int?, since start: ContinuousClock.Instant) async {
        guard let bandwidth, bandwidth > 0 else { return }
        let due = start + .seconds(Double(received) / Double(bandwidth))
        try? await Task.sleep(until: due, clock: .continuous)
    }

    private func store(_ bytes: [UInt8], _ digest: OCIDigest) {
        guard let contentDirectory else { return }
        let path = "\(contentDirectory)/\(digest.hex)"
        if FileManager.default.fileExists(atPath: path) { return }
        try? Data(bytes).write(to: URL(filePath: path), options: .atomic)
    }

    private func read(
        configuration bytes: [UInt8],
        _ order: PullOrder,
        _ image: inout PulledImage
    ) throws(PullFailure) {
        guard let json = try? JSONValue(parsing: bytes) else { return }
        let settings = json["config"] ?? [:]
        image.user = settings["User"]?.string ?? ""
        let parts = (settings["Entrypoint"]?.array ?? []) + (settings["Cmd"]?.array ?? [])
        image.command = parts.compactMap(\.string)
        // A single manifest is pulled for whatever platform it is; the runtime fails when it is started.
        let node = OCIPlatform(os: order.operatingSystem, architecture: order.architecture)
        if let architecture = json["architecture"]?.string, !architecture.isEmpty,
            !OCIPlatform(os: node.os, architecture: architecture, variant: json["variant"]?.string).suits(node)
        {
            throw .noPlatform(order.image)
        }
    }

    // MARK: Failures

    private func failure(_ error: RegistryError, _ image: ImageName) -> PullFailure {
        let isPlain = (try? RegistryEndpoint(image.registryHost, plainHTTPHosts: plainHTTPHosts))?.isPlainHTTP ?? false
        let scheme = isPlain ? "http" : "https"
        if let request = error.tokenRequest { return .noToken(image, request, error) }
        switch error.code {
        case .unauthorized: return .unauthorized(image, scheme: scheme)
        case .forbidden: return .forbidden(image, scheme: scheme)
        case .notFound: return .notFound(image)
        case .rateLimited: return .rateLimited(image, scheme: scheme)
        case .tls: return .tls(image)
        case .network:
            return .network(image, scheme: scheme, "dial tcp \(image.registryHost): connect: connection refused")
        case .timeout: return .network(image, scheme: scheme, "dial tcp \(image.registryHost): i/o timeout")
        case .unavailable: return .status(error.httpStatus ?? 503, image, scheme: scheme)
        case .policyDenied: return .status(error.httpStatus ?? 412, image, scheme: scheme)
        case .unsupported where error.message == RegistryError.schema1Message: return .schema1(image)
        case .platformNotFound: return .noPlatform(image)
        case .digestMismatch: return .wrongDigest(blob: image.reference)
        case .cancelled: return PullFailure(grpcCode: "Canceled", message: "context canceled")
        case .invalidResponse, .tooLarge, .unsupported, .addressRefused, .invalidReference:
            return PullFailure(message: "failed to resolve reference \"\(image.canonical)\": \(error.message)")
        }
    }
}
