extension FailureCause {
    /// Reasons that leave no doubt, whatever the message.
    static let byReason: [String: FailureCause] = [
        "InvalidImageName": .invalidReference,
        "SignatureValidationFailed": .policyDenied,
        "Evicted": .evicted,
        "Preempting": .evicted,
        "PreemptionByScheduler": .evicted,
        "DeletionByTaintManager": .evicted,
        "EvictionByEvictionAPI": .evicted,
        "TerminationByKubelet": .evicted,
        "DeletionByPodGC": .nodeLost,
        "NodeLost": .nodeLost,
        "NodeShutdown": .evicted,
        "Shutdown": .evicted,
        "Terminated": .evicted,
        "DeadlineExceeded": .timeout,
        "FailedIndexes": .internal,
        "NodeAffinity": .nodeLost,
        "UnexpectedAdmissionError": .internal,
        "OutOfcpu": .internal,
        "OutOfmemory": .internal,
        "OutOfpods": .internal,
        "OutOfephemeral-storage": .disk,
    ]

    /// What a reason means when its message says nothing that is known.
    static let byReasonWithoutMessage: [String: FailureCause] = [
        "ErrImageNeverPull": .notFound,
        "RegistryUnavailable": .network,
        "ImageInspectError": .internal,
        "ImageVolumeMountFailed": .internal,
        "CreateContainerConfigError": .internal,
        "CreateContainerError": .internal,
        "CreatePodSandboxError": .internal,
        "OOMKilled": .internal,
    ]

    /// What the kubelet says of its own limit.
    static let kubeletThrottling = Phrases(.rateLimited, ["pull qps exceeded"])

    /// What containerd says when it got no token for a registry.
    static let failedForToken = Phrases(
        .network,
        ["failed to fetch anonymous token", "failed to fetch oauth token"]
    )

    /// Words that no name can hold, looked for in the whole message.
    static let byWholeMessage: [Phrases] = [
        kubeletThrottling,
        // A proxy or a captive portal has answered in the registry's place.
        Phrases(.network, ["unexpected media type text/html"]),
        // A plus sign is in no reference; every runtime names the media type of schema 1 when it refuses it.
        Phrases(
            .architecture,
            ["application/vnd.docker.distribution.manifest.v1+json", schema1Signed]
        ),
    ]

    private static let schema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"

    /// Words in a message, the most specific first. All lower case.
    static let byMessage: [Phrases] = [
        // Docker Hub's text goes on about "authenticating": look for the limit before looking for credentials.
        Phrases(
            .rateLimited,
            [
                "toomanyrequests", "too many requests", "rate limit", "status 429", "statuscode: 429", "rate exceeded",
            ]
        ),
        Phrases(
            .disk,
            [
                "no space left on device", "disk quota exceeded", "not enough space", "insufficient space",
            ]
        ),
        onTheNode,
        unsuitable,
        Phrases(
            .invalidReference,
            [
                "invalid reference format", "couldn't parse image", "failed to parse image name",
                "repository name must be lowercase", "invalid image name", "failed to apply default image",
                "invalid reference", "invalid checksum digest", "short name mode is enforcing",
                "short-name resolution enforced", "no unqualified-search registries are defined",
                "trying to pull an unqualified image",
            ]
        ),
        refusedByPolicy,
        // A damaged connection, not a certificate that nobody trusts.
        Phrases(.network, ["bad record mac", "proxy authentication required"]),
        Phrases(
            .tls,
            [
                "x509:", "certificate", "tls: ", "http response to https client", "handshake failure",
                "remote error: tls", "first record does not look like a tls handshake",
            ]
        ),
        Phrases(
            .unauthorized,
            [
                "unauthorized", "unauthenticated", "authentication required", "insufficient_scope",
                "authorization failed", "access denied", "requested access to the resource is denied", "status 401",
                "status code 401", "statuscode: 401", "status 403", "status code 403", "statuscode: 403",
                "no basic auth credentials", "forbidden", "denied:", "incorrect username or password",
                "authorization token has expired", "invalid username", "permission denied",
                "may require authorization", "denied", "unable to retrieve auth token", "not authorized",
                "does not have the proper auth", "does not have the proper credentials",
            ]
        ),
        Phrases(
            .notFound,
            [
                "manifest unknown", "name unknown", "manifest_unknown", "name_unknown", "status code 404",
                "statuscode: 404", "not found", "status 404", "repository does not exist", "manifest invalid",
                "unknown blob", "unknown manifest", "name not known to registry", "was deleted or has expired",
            ]
        ),
        unreachable,
        Phrases(
            .internal,
            [
                "failed to create pod sandbox", "internal error",
            ]
        ),
    ]

    /// The node's own storage or runtime has failed, after or before anything was pulled. It comes before the words of
    /// registries: files that cannot be written are "denied", and content that is lost is "not found".
    private static let onTheNode = Phrases(
        .internal,
        [
            "failed to extract layer", "failed to register layer", "mount callback failed", "processing tar file",
            "failed to prepare extraction snapshot", "unable to initialize unpacker", "no unpack platforms defined",
            "error while dialing dial unix", "error while dialing: dial unix", "too many open files",
            "cannot allocate memory",
        ]
    )

    /// The image has nothing for the node: another platform, or a format that its runtime does not read.
    private static let unsuitable = Phrases(
        .architecture,
        [
            "no match for platform", "no match for current platform", "no matching manifest",
            "no image found in manifest list", "no image found in image index", "does not match the specified platform",
            "cannot be used on this platform", "architecture mismatch", "operating system mismatch",
            "does not match the host operating system", "exec format error", "unsupported platform",
            "schema 1 not supported", "schema 1 image manifests are no longer supported", "schema v1 unsupported",
            "schema 1 support has been removed", "schema 1 support is disabled",
            "is no longer supported since containerd",
            "unsupported docker v2s2 media type", "unexpected media type", "unsupported mediatype",
            "unsupported manifest media type", "unsupported schema version",
        ]
    )

    /// Somebody has decided that this image is not to be had: Harbor's project policies, Xray, quarantine, a bill that was
    /// not paid, a court, signatures, a blocked registry, quota and admission in the cluster.
    private static let refusedByPolicy = Phrases(
        .policyDenied,
        [
            "source image rejected", "signature validation failed", "signature verification failed",
            "a signature was required", "none of the signatures were accepted", "exceeded quota", "admission webhook",
            "violates podsecurity", "denied the request", "denied by policy", "rejected by policy", "policy violation",
            "projectpolicyviolation", "project_policy_violation", "due to configured policy", "not signed in notary",
            "download blocking policy", "to this repository is blocked", "quarantined", "is blocked in",
            "is not allowed access", "billing", "412 precondition failed", "412 (precondition failed",
            "10412(precondition failed", "status 412", "status code 412", "statuscode: 412", "402 payment required",
            "402 (payment required", "status 402", "status code 402", "statuscode: 402",
            "unavailable for legal reasons",
            "status 451", "status code 451", "statuscode: 451",
        ]
    )

    /// The registry was not reached, broke off, or failed itself.
    private static let unreachable = Phrases(
        .network,
        [
            "context deadline exceeded", "context canceled", "request canceled", "dial tcp", "no such host",
            "i/o timeout", "connection refused", "connection reset", "network is unreachable", "no route to host",
            "unexpected eof", "tls handshake timeout", "timeout awaiting response headers", "server misbehaving",
            "timeout exceeded", "timed out", "timeout", "broken pipe", "client connection lost", "connection closed",
            "500 internal server error", "502 bad gateway", "503 service unavailable", "504 gateway timeout",
            "internal server error", "bad gateway", "service unavailable", "gateway timeout", "statuscode: 5",
            "stream error", "use of closed network connection", "temporary failure in name resolution", "short read",
            "failed to do request", "eof", "pinging container registry", "pinging docker registry", "goaway",
            "registry is unavailable",
            // What arrived is not what was sent, or not all of it.
            "unexpected commit digest", "failed size validation", "wrong diff id calculated",
        ]
    )
}
