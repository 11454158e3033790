import KubernetesAPI
import Logging
import LongshoreMessages
import Redaction
import ServiceRuntime
import Synchronization
import WireFormats

/// The cluster's sealing keys: at rest in one Secret, which the first executor makes and all others adopt.
///
/// The Secret holds one entry a key, named by the key's id: `{"privateKey": "<base64>", "createdAt": "…"}`. An operator rotates by adding an
/// entry; older entries stay as long as messages sealed to them can arrive.
final class SealingKeys: Sendable {
    /// The Secret's name.
    static let secretName = "longshore-sealing-keys"
    /// The Secret's type.
    static let secretType = "longshore.dev/sealing-keys"

    private struct State {
        var unsealer = Unsealer(keys: [])
        var announced: [AnnouncedKey] = []
        var isAnnounced = false
    }

    private let client: KubernetesClient
    private let namespace: String
    private let wallClock: any WallClock
    private let logger: Logger
    private let state = Mutex(State())

    init(client: KubernetesClient, namespace: String, wallClock: any WallClock, logger: Logger) {
        self.client = client
        self.namespace = namespace
        self.wallClock = wallClock
        self.logger = logger
    }

    /// Opens what was sealed to the cluster.
    var unsealer: Unsealer { state.withLock { $0.unsealer } }
    /// The public parts; empty before the first ``load()``.
    var announced: [AnnouncedKey] { state.withLock { $0.announced } }

    /// Whether Kafka has acknowledged the announcement of these keys.
    var isAnnounced: Bool { state.withLock { $0.isAnnounced } }

    /// Notes that Kafka has acknowledged their announcement.
    func markAnnounced() { state.withLock { $0.isAnnounced = true } }

    /// Reads the keys, and makes the first one where there is none.
    func load() async throws {
        let secret = try await readOrCreate()
        guard secret.type == Self.secretType else {
            throw ExecutorError(
                .foreignObject,
                "The Secret \(Self.secretName) is not one of sealing keys; it is left alone."
            )
        }
        var pairs: [SealingKeyPair] = []
        var announced: [AnnouncedKey] = []
        for (name, content) in secret.data.sorted(by: { $0.key < $1.key }) {
            guard let (pair, createdAt) = Self.read(content) else {
                logger.error("A sealing key cannot be read", metadata: ["entry": "\(name)"])
                continue
            }
            pairs.append(pair)
            announced.append(AnnouncedKey(keyID: pair.keyID, publicKey: pair.publicKey, createdAt: createdAt))
        }
        guard !pairs.isEmpty else { throw ExecutorError(.unreadableKeys, "No sealing key can be read.") }
        let unsealer = Unsealer(keys: pairs)
        state.withLock { state in
            // A key that nobody has heard of is of no use to anybody yet.
            let isAnnounced = state.isAnnounced && state.announced.map(\.keyID) == announced.map(\.keyID)
            state = State(unsealer: unsealer, announced: announced, isAnnounced: isAnnounced)
        }
    }

    private func readOrCreate() async throws -> Secret {
        if let secret = try await client.getIfPresent(Secret.self, name: Self.secretName, namespace: namespace) {
            return secret
        }
        let pair = SealingKeyPair.generate()
        let secret = Secret(
            metadata: ObjectMeta(
                name: Self.secretName,
                namespace: namespace,
                labels: [PullTaskKeys.managedBy: PullTaskKeys.manager, PullTaskKeys.component: "sealing-keys"]
            ),
            type: Self.secretType,
            data: [pair.keyID: Self.write(pair, createdAt: wallClock.now())]
        )
        do throws(KubernetesError) {
            let created = try await client.create(secret)
            logger.info("Made the cluster's first sealing key", metadata: ["key": "\(pair.keyID)"])
            return created
        } catch {
            guard error.reason == .alreadyExists else { throw error }
            return try await client.get(Secret.self, name: Self.secretName, namespace: namespace)
        }
    }

    private static func write(_ pair: SealingKeyPair, createdAt: Timestamp) -> SecretBytes {
        let json: JSONValue = [
            "privateKey": .string(Base64.encode(pair.privateKey.exposeBytes())), "createdAt": createdAt.json,
        ]
        return SecretBytes(json.serialized())
    }

    private static func read(_ content: SecretBytes) -> (SealingKeyPair, Timestamp)? {
        guard let json = try? JSONValue(parsing: content.exposeBytes()),
            let bytes = json["privateKey"]?.string.flatMap({ Base64.decode($0) }),
            let pair = SealingKeyPair(privateKey: SecretBytes(bytes)),
            let createdAt = json["createdAt"]?.string.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        return (pair, createdAt)
    }
}
