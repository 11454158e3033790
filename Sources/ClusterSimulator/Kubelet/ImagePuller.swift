import KubernetesAPI
import OCIRegistry
import Synchronization

/// Brings images to nodes.
protocol ImagePuller: Sendable {
    /// The outcome of a pull that needs no waiting, or nil when `pull` must be asked.
    func immediateOutcome(_ order: PullOrder) -> PullOutcome?
    func pull(_ order: PullOrder) async -> PullOutcome
    func close() async
}

/// One image for one node with one credential.
struct PullOrder: Sendable {
    var node: String
    var image: ImageName
    var operatingSystem: String
    var architecture: String
    /// In the order in which the kubelet tries them; none means anonymous.
    var credentials: [KubeletKeyring.Credential]
    var bandwidthBytesPerSecond: Int?
    /// The layers that are on the node already.
    var presentBlobs: Set<String>
    var freeBytes: Int
}

enum PullOutcome: Sendable {
    case pulled(PulledImage, credential: KubeletKeyring.Credential?)
    case failed(PullFailure)
}

/// An image as it lies on a node.
struct PulledImage: Sendable, Equatable {
    /// What the reference stands for: the digest of the index, if it is one.
    var digest: String
    var manifestDigest: String
    var blobs: [String: Int]
    /// The user of the image's configuration; empty for root.
    var user = ""
    var command: [String] = []

    var sizeBytes: Int { blobs.values.reduce(0, +) }
}

/// Why a pull failed, in containerd's words.
struct PullFailure: Error, Sendable, Equatable {
    /// The gRPC code of the runtime's answer.
    var grpcCode = "Unknown"
    /// What follows `failed to pull and unpack image "…": `.
    var message: String

    /// What the kubelet gets from the runtime.
    func text(_ image: ImageName) -> String {
        "rpc error: code = \(grpcCode) desc = failed to pull and unpack image \"\(image.canonical)\": \(message)"
    }

    // MARK: The usual ones

    static func unauthorized(_ image: ImageName, scheme: String = "https") -> PullFailure {
        resolving(image, "unexpected status from HEAD request to \(url(image, scheme)): 401 Unauthorized")
    }

    static func forbidden(_ image: ImageName, scheme: String = "https") -> PullFailure {
        resolving(image, "unexpected status from HEAD request to \(url(image, scheme)): 403 Forbidden")
    }

    static func denied(_ image: ImageName) -> PullFailure {
        resolving(
            image,
            "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
        )
    }

    static func notFound(_ image: ImageName) -> PullFailure {
        var failure = resolving(image, "\(image.canonical): not found")
        failure.grpcCode = "NotFound"
        return failure
    }

    static func rateLimited(_ image: ImageName, scheme: String = "https") -> PullFailure {
        resolving(
            image,
            "unexpected status from HEAD request to \(url(image, scheme)): 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit"
        )
    }

    static func status(_ code: Int, _ image: ImageName, scheme: String = "https") -> PullFailure {
        resolving(image, "unexpected status from HEAD request to \(url(image, scheme)): \(line(code))")
    }

    /// The token server that the registry names gave no token.
    static func noToken(_ image: ImageName, _ request: TokenServerRequest, _ error: RegistryError) -> PullFailure {
        let kind = request.isAnonymous ? "anonymous" : "oauth"
        let why: String
        switch (error.httpStatus, error.code) {
        case (let status?, _):
            why = "unexpected status from \(request.method) request to \(request.url): \(line(status))"
        case (nil, .invalidResponse): why = "authorization server did not include a token in the response"
        case (nil, .timeout): why = "\(verb(request)) \"\(request.url)\": dial tcp: i/o timeout"
        case (nil, .tls):
            why =
                "\(verb(request)) \"\(request.url)\": tls: failed to verify certificate: x509: certificate signed by unknown authority"
        case (nil, _): why = "\(verb(request)) \"\(request.url)\": dial tcp: connect: connection refused"
        }
        return resolving(image, "failed to authorize: failed to fetch \(kind) token: \(why)")
    }

    private static func verb(_ request: TokenServerRequest) -> String { request.method == "GET" ? "Get" : "Post" }

    /// A status as Go writes it.
    private static func line(_ code: Int) -> String {
        let phrases = [
            400: " Bad Request", 401: " Unauthorized", 402: " Payment Required", 403: " Forbidden", 404: " Not Found",
            405: " Method Not Allowed", 412: " Precondition Failed", 429: " Too Many Requests",
            451: " Unavailable For Legal Reasons", 500: " Internal Server Error", 502: " Bad Gateway",
            503: " Service Unavailable", 504: " Gateway Timeout",
        ]
        return "\(code)\(phrases[code] ?? "")"
    }

    static func network(_ image: ImageName, scheme: String = "https", _ why: String) -> PullFailure {
        resolving(image, "failed to do request: Head \"\(url(image, scheme))\": \(why)")
    }

    static func tls(_ image: ImageName) -> PullFailure {
        network(image, "tls: failed to verify certificate: x509: certificate signed by unknown authority")
    }

    static func noPlatform(_ image: ImageName) -> PullFailure {
        PullFailure(grpcCode: "NotFound", message: "no match for platform in manifest: not found")
    }

    static func schema1(_ image: ImageName) -> PullFailure {
        let types = ["docker.distribution.manifest.v1+prettyjws", "docker.distribution.manifest.v2+json"]
            .map { "\"application/vnd.\($0)\"" }
        var failure = resolving(
            image,
            "not implemented: media type \(types[0]) is no longer supported since containerd v2.1, please rebuild the image as \(types[1]) or \"application/vnd.oci.image.manifest.v1+json\""
        )
        failure.grpcCode = "Unimplemented"
        return failure
    }

    static func noSpace(blob: String) -> PullFailure {
        PullFailure(
            message:
                "failed to extract layer \(blob): write /var/lib/containerd/io.containerd.content.v1.content/ingest: no space left on device"
        )
    }

    static func wrongDigest(blob: String) -> PullFailure {
        PullFailure(
            grpcCode: "FailedPrecondition",
            message:
                "failed commit on ref \"layer-\(blob)\": unexpected commit digest, expected \(blob): failed precondition"
        )
    }

    private static func resolving(_ image: ImageName, _ why: String) -> PullFailure {
        PullFailure(message: "failed to resolve reference \"\(image.canonical)\": \(why)")
    }

    private static func url(_ image: ImageName, _ scheme: String) -> String {
        "\(scheme)://\(image.registryHost)/v2/\(image.path)/manifests/\(image.reference)"
    }
}

/// The pulls that run as tasks of their own; their outcomes go back to the control plane.
final class PullTasks: Sendable {
    /// Set while the control plane runs.
    let plane = Mutex<ControlPlane?>(nil)
    private let tasks = Mutex<[Int: Task<Void, Never>]>([:])

    func start(_ id: Int, _ order: PullOrder, _ puller: any ImagePuller) {
        guard let plane = plane.withLock({ $0 }) else { return }
        let task = Task {
            let outcome = await puller.pull(order)
            await plane.perform { parts in parts.kubelets.pullEnded(id, outcome, parts) }
            self.tasks.withLock { _ = $0.removeValue(forKey: id) }
        }
        tasks.withLock { $0[id] = task }
    }

    /// Stops a pull; its outcome is then of no interest to anybody.
    func cancel(_ id: Int) {
        tasks.withLock { $0.removeValue(forKey: id) }?.cancel()
    }

    func cancelAll() {
        plane.withLock { $0 = nil }
        let running = tasks.withLock { tasks in
            let running = Array(tasks.values)
            tasks = [:]
            return running
        }
        for task in running { task.cancel() }
    }
}
