import LongshoreDomain
import LongshoreMessages
import Redaction
import WireFormats

extension FuzzTarget {
    /// The reader and the writer of dockerconfigjson.
    static let dockerConfig = FuzzTarget(
        name: "docker-config",
        form: .json,
        words: [
            "auths", "auth", "username", "password", "identitytoken", "registrytoken", "email", "credHelpers",
            "credsStore",
            "https://index.docker.io/v1/", "harbor.example.com", "harbor.example.com/ml", "localhost:5000",
            "dXNlcjpwYXNz",
            "dXNlcjpwYXNzAAA=", "dXNlcg==", "OnBhc3M=", "dXNlcjo=", "dXNlcjpwYXNz\n", "user", "pass", "us:er",
        ]
    ) { input in
        let entries: [(scope: RegistryScope, credential: PlainCredential)]
        do throws(DockerConfigurationFile.Problems) {
            entries = try DockerConfig.parse(SecretBytes(input))
        } catch {
            try requireNoCanary(error.description, "the error")
            try require(!error.problems.isEmpty, "an error without a problem")
            return Set(error.problems.map { $0.detail.filter { !$0.isNumber } }).sorted().prefix(3).joined()
        }
        try require(entries.count <= RequestLimits.credentials, "\(entries.count) entries")
        // Two keys may be one scope; of those one stays.
        guard Set(entries.map(\.scope)).count == entries.count else { return "a scope twice" }
        let written = DockerConfig.json(for: entries)
        guard let again = try? DockerConfig.parse(written) else { throw Violation("what was written cannot be read") }
        try require(again.map(\.scope).sorted() == entries.map(\.scope).sorted(), "the registries changed")
        for (scope, credential) in again {
            try require(entries.contains { $0.scope == scope && $0.credential == credential }, "\(scope) changed")
        }
        return "\(min(entries.count, 3)) entries"
    }

    /// Sealed credentials: decoding, and that nothing opens but what was sealed, for what it was sealed for.
    static let sealedCredential = FuzzTarget(
        name: "sealed-credential",
        form: .json,
        words: [
            "keyId", "enc", "ciphertext", "registry", "secretName", "sealed", "harbor.example.com/ml",
            SealedSample.keyID,
        ],
        maximumBytes: 4 << 10
    ) { input in
        guard let json = try? JSONValue(parsing: input) else { return "no JSON" }
        let sealed: SealedCredential
        do {
            sealed = try SealedCredential(json: json)
        } catch let error as JSONMappingError {
            try requireNoCanary(error.description, "the error")
            return "\(error.pointer)"
        }
        try require(sealed.box.encapsulatedKey.count <= SealedBox.maximumKeyBytes + 3, "the key is too long")
        try require(sealed.box.ciphertext.count <= SealedBox.maximumCiphertextBytes + 3, "the ciphertext is too long")
        try require((try? SealedCredential(json: sealed.json)) == sealed, "it is read otherwise than it was written")
        return try SealedSample.open(sealed)
    }
}

/// A key pair that is the same in every run, and what the samples hold: made by the first to run without them.
private enum SealedSample {
    static let secret = SecretBytes(Array(#"{"username": "robot", "password": "s3aled"}"#.utf8))
    static let pair = SealingKeyPair(privateKey: SecretBytes([UInt8](1...32)))
    static let keyID = pair?.keyID ?? ""
    static let task = TaskID("06d0wzjr9w7g1h3mbe2rn4x8kq")

    /// Opens a box that may have been changed: it gives the secret, or the one error that there is.
    static func open(_ sealed: SealedCredential) throws -> String {
        guard let pair, let task else { throw Violation("the sample's key or task is none") }
        let unsealer = Unsealer(keys: [pair])
        let other = try SealedCredential(json: sealed.json)
        do {
            let opened = try unsealer.open(other.box, binding: SealBinding(taskID: task, scope: sealed.scope))
            try require(opened == secret, "something else was opened than was sealed")
            try require(PlainCredential(sealedForm: opened) != nil, "the opened secret is no credential")
            let elsewhere = SealBinding(taskID: task, scopeKey: sealed.scope.key + "/x")
            try require((try? unsealer.open(other.box, binding: elsewhere)) == nil, "it opens for another registry")
            return "opened"
        } catch let error as SealError {
            try require(error == SealError(code: .unreadable), "the error tells more: \(error)")
            return "refused"
        }
    }
}
