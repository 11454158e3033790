import LongshoreDomain
import Testing

@Suite struct FailureCauseTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var reason = "ErrImagePull"
        var message: String
        var cause: FailureCause
        var testDescription: String { "\(cause): \(message.prefix(60))" }
    }

    /// What kubelets with containerd and CRI-O have been seen to say.
    static let cases: [Case] = [
        // containerd
        Case(
            message:
                "failed to pull and unpack image \"harbor.example.com/ml/train:v3\": failed to resolve reference \"harbor.example.com/ml/train:v3\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
            cause: .unauthorized
        ),
        Case(
            message:
                "rpc error: code = Unknown desc = failed to pull and unpack image \"r.example.com/a:1\": failed to resolve reference \"r.example.com/a:1\": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://r.example.com/token?scope=x: 401 Unauthorized",
            cause: .unauthorized
        ),
        Case(
            message:
                "failed to pull and unpack image \"r.example.com/a:1\": failed to copy: httpReadSeeker: failed open: unexpected status code https://r.example.com/v2/a/blobs/sha256:0: 403 Forbidden",
            cause: .unauthorized
        ),
        Case(
            message:
                "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/library/nginx:9.99\": failed to resolve reference \"docker.io/library/nginx:9.99\": docker.io/library/nginx:9.99: not found",
            cause: .notFound
        ),
        Case(
            message:
                "failed to pull and unpack image \"docker.io/library/alpine:3\": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/alpine/manifests/sha256:0: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
            cause: .rateLimited
        ),
        Case(
            message:
                "failed to do request: Head \"https://r.example.com/v2/a/manifests/1\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
            cause: .tls
        ),
        Case(
            message:
                "failed to do request: Head \"https://r.example.com/v2/a/manifests/1\": http: server gave HTTP response to HTTPS client",
            cause: .tls
        ),
        Case(
            message:
                "failed to do request: Head \"https://r.example.com/v2/\": dial tcp: lookup r.example.com on 10.96.0.10:53: no such host",
            cause: .network
        ),
        Case(
            message:
                "failed to do request: Head \"https://10.0.0.4:44017/v2/\": dial tcp 10.0.0.4:44017: connect: connection refused",
            cause: .network
        ),
        Case(message: "dial tcp 192.0.2.1:401: i/o timeout", cause: .network),
        Case(message: "net/http: TLS handshake timeout", cause: .network),
        Case(message: "context deadline exceeded", cause: .network),
        Case(message: "failed to copy: httpReadSeeker: failed open: unexpected EOF", cause: .network),
        Case(
            message:
                "unexpected status from HEAD request to https://r.example.com/v2/a/manifests/1: 503 Service Unavailable",
            cause: .network
        ),
        Case(
            message:
                "failed to extract layer sha256:0: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/3/fs/big: no space left on device: unknown",
            cause: .disk
        ),
        Case(
            message:
                "failed to pull and unpack image \"docker.io/arm64v8/a:1\": no match for platform in manifest: not found",
            cause: .architecture
        ),
        // CRI-O
        Case(
            message:
                "initializing source docker://quay.io/acme/app:1: reading manifest 1 in quay.io/acme/app: unauthorized: access to the requested resource is not authorized",
            cause: .unauthorized
        ),
        Case(message: "reading manifest v9 in quay.io/acme/app: manifest unknown", cause: .notFound),
        Case(
            message:
                "choosing image instance: no image found in image index for architecture \"s390x\", variant \"\", OS \"linux\"",
            cause: .architecture
        ),
        Case(
            message:
                "pinging container registry r.example.com: Get \"https://r.example.com/v2/\": dial tcp 192.0.2.1:443: i/o timeout",
            cause: .network
        ),
        Case(
            reason: "SignatureValidationFailed",
            message: "Source image rejected: A signature was required, but no signature exists",
            cause: .policyDenied
        ),
        Case(message: "Source image rejected: Running image docker://r/a is rejected by policy.", cause: .policyDenied),
        // kubelet, Pod and Job
        Case(
            reason: "InvalidImageName",
            message: "Failed to apply default image tag \"A:B:C\": couldn't parse image name: invalid reference format",
            cause: .invalidReference
        ),
        Case(message: "couldn't parse image name \"A\": repository name must be lowercase", cause: .invalidReference),
        Case(
            reason: "ErrImageNeverPull",
            message: "Container image \"a:1\" is not present with pull policy of Never",
            cause: .notFound
        ),
        Case(
            reason: "ImagePullBackOff",
            message:
                "Back-off pulling image \"r.example.com/a:1\": ErrImagePull: denied: requested access to the resource is denied",
            cause: .unauthorized
        ),
        Case(
            reason: "ImagePullBackOff",
            message: "Back-off pulling image \"example.com/not-found/timeout:denied\"",
            cause: .unknown
        ),
        Case(reason: "RegistryUnavailable", message: "pull QPS exceeded", cause: .rateLimited),
        Case(reason: "Evicted", message: "The node was low on resource: ephemeral-storage.", cause: .evicted),
        Case(
            reason: "DeletionByTaintManager",
            message: "Taint manager: deleting due to NoExecute taint",
            cause: .evicted
        ),
        Case(reason: "DeadlineExceeded", message: "Job was active longer than specified deadline", cause: .timeout),
        Case(reason: "NodeLost", message: "Node n1 which was running pod p is unresponsive", cause: .nodeLost),
        Case(
            reason: "Forbidden",
            message:
                "jobs.batch \"pull-x\" is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: 10, limited: 10",
            cause: .policyDenied
        ),
        Case(
            reason: "",
            message: "admission webhook \"validate.example.com\" denied the request: images must be signed",
            cause: .policyDenied
        ),
        Case(message: "", cause: .unknown),
        Case(message: "something nobody has seen before", cause: .unknown),
        // What is quoted counts when it is a sentence or all there is, and never when it is a name beside other words.
        Case(message: "\"unclosed quote: unauthorized", cause: .unauthorized),
        Case(message: "\"unauthorized\"", cause: .unauthorized),
        Case(message: "rpc error: code = Unknown desc = \"denied\"", cause: .unauthorized),
        Case(message: "Back-off pulling image \"denied\"", cause: .unknown),
        Case(message: "Error: \"Back-off pulling image \\\"denied\\\"\"", cause: .unknown),
        Case(message: "Error: \"Back-off pulling image \\\"a\\\": manifest unknown\"", cause: .notFound),
        // Names without quotes do not count either.
        Case(message: "reading manifest denied in r.example.com/a: connection refused", cause: .network),
        Case(message: "manifest for timeout not found", cause: .notFound),
        Case(
            reason: "ErrImageNeverPull",
            message:
                "Container image \"a:1\" is present with pull policy of Never but does not have the proper auth (image secret) that was used to pull the image",
            cause: .unauthorized
        ),
    ]

    @Test(arguments: cases) func `what runtimes say leads to a cause`(example: Case) {
        #expect(FailureCause.classify(waitingReason: example.reason, message: example.message) == example.cause)
    }

    @Test(arguments: RuntimeTexts.all) func `a text that was seen leads to its cause`(example: RuntimeTexts) {
        let cause = FailureCause.classify(waitingReason: "ErrImagePull", message: example.text)
        #expect(cause == example.cause)
        #expect(cause.isWorthRetrying == example.isWorthRetrying)
        // The kubelet's back-off repeats the text behind words of its own.
        let backOff = "Back-off pulling image \"r.example.com/not-found:denied\": ErrImagePull: \(example.text)"
        #expect(FailureCause.classify(waitingReason: "ImagePullBackOff", message: backOff) == example.cause)
    }

    @Test func `there are enough texts of each kind, and none twice`() {
        #expect(RuntimeTexts.all.count >= 120)
        #expect(Set(RuntimeTexts.all.map(\.text)).count == RuntimeTexts.all.count)
        for list in [RuntimeTexts.containerd, RuntimeTexts.crio, RuntimeTexts.others] { #expect(list.count >= 40) }
    }

    @Test func `the kubelet's own limit is told from the registry's`() {
        for text in ["pull QPS exceeded", "Back-off pulling image \"a\": ErrImagePull: pull QPS exceeded"] {
            #expect(FailureCause.isKubeletThrottling(message: text))
        }
        for text in ["toomanyrequests: You have reached your pull rate limit", "Back-off pulling image \"a\"", ""] {
            #expect(!FailureCause.isKubeletThrottling(message: text))
        }
    }

    @Test func `every cause but the service's own words comes out of a message`() {
        let produced = Set(Self.cases.map(\.cause))
        // What the helper's failure is, its message does not say.
        #expect(produced.union([.internal, .helper]) == Set(FailureCause.allCases))
        #expect(FailureCause.classify(waitingReason: "CreateContainerError", message: "x") == .internal)
    }

    @Test func `what nobody changes by waiting is not retried`() {
        let final: Set<FailureCause> = [
            .unauthorized, .notFound, .tls, .architecture, .invalidReference, .policyDenied,
        ]
        for cause in FailureCause.allCases {
            #expect(cause.isWorthRetrying == !final.contains(cause))
            if cause.isFinalAtOnce { #expect(!cause.isWorthRetrying) }
        }
    }

    @Test func `long and odd messages are read without harm`() {
        let odd = String(repeating: "\u{0}\"é/ ", count: 20_000)
        #expect(FailureCause.classify(waitingReason: odd, message: odd) == .unknown)
    }
}
