import LongshoreDomain
import Redaction
import WireFormats

@testable import IntakeService

extension FuzzTarget {
    /// The request decoder on each way that requests come, and what is kept of one that is refused.
    static let request = FuzzTarget(
        name: "request",
        form: .json,
        words: RequestNames.fields + [
            "nginx", "nginx:1.27", "harbor.example.com/ml/train:v3", "localhost/a", "[::1]:5000/a", "docker.io",
            "quay.io",
            "https://index.docker.io/v1/", "https://ci.example.com/hook", "https://user:pw@h.io/", "task.succeeded",
            "IfNotPresent",
            "exponential", "kubernetes.io/arch", "-bad-", "In", "Exists", "registry", "replace", "dXNlcjpwdw==",
        ],
        maximumBytes: 24 << 10
    ) { input in
        guard let json = try? JSONValue(parsing: input) else { return "no JSON" }
        var outcomes: [String] = []
        for channel in RequestChannel.allCases {
            do {
                let request = try TaskRequest.parse(json, channel: channel)
                try requireAccepted(request, channel: channel, json: json)
                outcomes.append("accepted")
            } catch let faults as RequestFaults {
                try requireHonest(faults, json: json)
                outcomes += Set(faults.faults.map { "\($0.code)\($0.pointer.tokens.first ?? "")" }).sorted().prefix(3)
            }
        }
        let kept = RequestRedaction.redact(json).text()
        try requireNoCanary(kept, "what is kept of a refused request")
        return outcomes.joined(separator: " ")
    }

    private static func requireAccepted(_ request: TaskRequest, channel: RequestChannel, json: JSONValue) throws {
        let spec = request.spec
        try require(1...RequestLimits.images ~= spec.images.count, "\(spec.images.count) images")
        try require(Set(spec.images.map(\.reference)).count == spec.images.count, "an image twice")
        try require(request.credentials.count <= RequestLimits.credentials, "\(request.credentials.count) credentials")
        try require(Set(request.credentials.map(\.scope)).count == request.credentials.count, "a scope twice")
        try require(RequestLimits.priority ~= spec.priority && RequestLimits.batchSize ~= spec.batchSize, "limits")
        try require(RequestLimits.deadlineSeconds ~= spec.deadlineSeconds, "the deadline is \(spec.deadlineSeconds) s")
        try require(channel == .http || !request.hasPlaintextCredentials, "a secret in the clear on \(channel)")
        try require((try? TaskSpec(json: spec.json)) == spec, "the spec is read otherwise than it was written")
        let text = spec.json.serialized()
        try require((try? TaskSpec(json: JSONValue(parsing: text))) == spec, "the spec's text is another spec")
        for credential in request.credentials {
            guard case .basic(_, let password) = credential.source else { continue }
            // A short password may be a word of the spec, and another field may rightly hold the same text.
            let word = password.exposeUTF8() ?? ""
            guard word == canary, !spec.labels.values.contains(canary) else { continue }
            try requireNoCanary(spec.json.text(), "the spec")
        }
    }

    /// Faults say where they are, are bounded, and quote nothing.
    private static func requireHonest(_ faults: RequestFaults, json: JSONValue) throws(Violation) {
        try requireNoCanary(faults.description, "a fault")
        try require(
            !faults.isEmpty && faults.faults.count <= RequestFaults.maximumListed,
            "\(faults.faults.count) faults"
        )
        try require(faults.totalCount >= faults.faults.count, "more faults are listed than counted")
        for fault in faults.faults {
            let place = fault.pointer
            let parent = JSONPointer(tokens: Array(place.tokens.dropLast()))
            // A dockerconfigjson may be a text, whose inside has no place in the request; a key that is not shown is "?".
            if place.tokens.contains("dockerConfigJson") || place.tokens.contains("?") { continue }
            try require(
                json.value(at: place) != nil || json.value(at: parent) != nil,
                "\(fault) is nowhere in the request"
            )
        }
    }
}

/// The names of the fields of a request.
private enum RequestNames {
    static let fields = [
        "images", "image", "secretRef", "name", "nodeSelector", "nodes", "names", "matchLabels", "matchExpressions",
        "key",
        "operator", "values", "tolerations", "registryCredentials", "registry", "username", "password", "identityToken",
        "dockerConfigJson", "auths", "auth", "sealed", "keyId", "enc", "ciphertext", "overrides", "component", "value",
        "priority", "batchSize", "failureTolerance", "timeoutSeconds", "deadlineSeconds", "maxRetries", "retryStrategy",
        "retryDelay", "pullPolicy", "strategy", "checks", "webhookUrl", "webhookEvents", "project", "cluster", "labels",
    ]
}
