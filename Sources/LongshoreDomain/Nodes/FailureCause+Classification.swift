// What kubelet, containerd and CRI-O say when an image cannot be pulled. None of it is a stable interface, so the words
// are looked for in an order from the most specific to the least, and in a text from which everything that names an
// image or an address is removed: an image called `example.com/timeout/not-found` must not choose its own cause.
extension FailureCause {
    /// Finds the cause behind what a container status or a Pod status says.
    ///
    /// - Parameters:
    ///   - waitingReason: The `reason` of a waiting or terminated container, of a Pod, or of a Job condition; may be empty.
    ///   - message: The message beside it; any length, any content.
    /// - Returns: The cause, ``unknown`` when nothing is recognised.
    package static func classify(waitingReason: String, message: String) -> FailureCause {
        if let cause = byReason[waitingReason] { return cause }
        let text = Self.searchable(message)
        for phrases in byMessage where phrases.words.contains(where: { Self.contains(text, $0) }) {
            return phrases.cause
        }
        return byReasonWithoutMessage[waitingReason] ?? .unknown
    }

    /// Reasons that leave no doubt, whatever the message.
    private static let byReason: [String: FailureCause] = [
        "InvalidImageName": .invalidReference,
        "ErrImageNeverPull": .notFound,
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
    private static let byReasonWithoutMessage: [String: FailureCause] = [
        "RegistryUnavailable": .network,
        "ImageInspectError": .internal,
        "CreateContainerConfigError": .internal,
        "CreateContainerError": .internal,
        "CreatePodSandboxError": .internal,
        "OOMKilled": .internal,
    ]

    /// Words that give a cause away.
    private struct Phrases: Sendable {
        let cause: FailureCause
        let words: [[UInt8]]

        init(_ cause: FailureCause, _ words: [String]) {
            self.cause = cause
            self.words = words.map { Array($0.utf8) }
        }
    }

    /// Words in a message, the most specific first. All lower case.
    private static let byMessage: [Phrases] = [
        // Docker Hub's text goes on about "authenticating": look for the limit before looking for credentials.
        Phrases(
            .rateLimited,
            [
                "toomanyrequests", "too many requests", "rate limit", "status 429", "rate exceeded",
            ]
        ),
        Phrases(
            .disk,
            [
                "no space left on device", "disk quota exceeded", "not enough space", "insufficient space",
            ]
        ),
        Phrases(
            .architecture,
            [
                "no match for platform", "no matching manifest", "no image found in manifest list",
                "no image found in image index", "does not match the specified platform", "exec format error",
                "unsupported platform",
            ]
        ),
        Phrases(
            .invalidReference,
            [
                "invalid reference format", "couldn't parse image", "failed to parse image name",
                "repository name must be lowercase", "invalid image name", "failed to apply default image",
                "invalid reference", "invalid checksum digest",
            ]
        ),
        Phrases(
            .policyDenied,
            [
                "source image rejected", "signature validation failed", "signature verification failed",
                "a signature was required", "exceeded quota", "admission webhook", "violates podsecurity",
                "denied the request", "denied by policy", "policy violation",
            ]
        ),
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
                "unauthorized", "authentication required", "insufficient_scope", "authorization failed",
                "access denied", "requested access to the resource is denied", "status 401", "status code 401",
                "status 403", "status code 403", "no basic auth credentials", "forbidden", "denied:",
                "incorrect username or password", "authorization token has expired", "invalid username",
                "permission denied", "may require authorization", "denied",
            ]
        ),
        Phrases(
            .notFound,
            [
                "manifest unknown", "name unknown", "manifest_unknown", "name_unknown", "status code 404",
                "not found", "status 404", "repository does not exist", "manifest invalid", "unknown blob",
            ]
        ),
        Phrases(
            .network,
            [
                "context deadline exceeded", "dial tcp", "no such host", "i/o timeout", "connection refused",
                "connection reset", "network is unreachable", "no route to host", "unexpected eof",
                "tls handshake timeout", "timeout awaiting response headers", "server misbehaving",
                "timeout exceeded", "timed out", "timeout", "broken pipe", "client connection lost",
                "connection closed", "500 internal server error", "502 bad gateway", "503 service unavailable",
                "504 gateway timeout", "bad gateway", "service unavailable", "gateway timeout", "stream error",
                "use of closed network connection", "temporary failure in name resolution", "short read",
                "failed to do request", "eof", "pinging container registry", "goaway",
                // What arrived is not what was sent, or not all of it.
                "unexpected commit digest", "failed size validation",
            ]
        ),
        Phrases(
            .internal,
            [
                "failed to create pod sandbox", "internal error",
            ]
        ),
    ]

    /// The message in lower case, without quoted parts and without words that hold a slash (addresses, references).
    private static func searchable(_ message: String) -> [UInt8] {
        // A status message is at most a few KiB; more is not looked at.
        var quoted = false
        var words: [[UInt8]] = [[]]
        for byte in message.utf8.prefix(16 << 10) {
            switch byte {
            case UInt8(ascii: "\""): quoted.toggle()
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"): words.append([])
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): if !quoted { words[words.count - 1].append(byte | 0x20) }
            default: if !quoted { words[words.count - 1].append(byte) }
            }
        }
        var text: [UInt8] = []
        text.reserveCapacity(min(message.utf8.count, 16 << 10))
        for word in words where !word.isEmpty {
            if word.contains(UInt8(ascii: "/")) && word != inputOutput { continue }
            if !text.isEmpty { text.append(UInt8(ascii: " ")) }
            text += word
        }
        return text
    }

    private static let inputOutput = Array("i/o".utf8)

    /// Whether `words` occur in `text`, not starting in the middle of a word.
    private static func contains(_ text: [UInt8], _ words: [UInt8]) -> Bool {
        guard let first = words.first, text.count >= words.count else { return false }
        for start in 0...(text.count - words.count) where text[start] == first {
            if start > 0 && isAlphanumeric(text[start - 1]) { continue }
            if text[start..<start + words.count].elementsEqual(words) { return true }
        }
        return false
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}
