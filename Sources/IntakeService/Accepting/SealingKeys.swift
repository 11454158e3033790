import LongshoreMessages
import Synchronization
import WireFormats

/// What is known about the clusters of the fleet: the keys that credentials are sealed to, and who has announced them.
///
/// Thread safety: every method may be called from anywhere.
final class SealingKeys: Sendable {
    private struct State {
        var announced: [String: ClusterAnnouncement] = [:]
        var sealers: [String: Sealer] = [:]
        var isComplete = false
    }

    private let pinned: [String: PinnedKey]
    private let configured: Set<String>
    private let state = Mutex(State())

    /// - Parameters:
    ///   - clusters: Clusters that exist whether or not an executor has announced itself.
    ///   - pinned: Keys that the operator vouches for; for their clusters no announced key is used.
    init(clusters: [String], pinned: [PinnedKey]) {
        self.pinned = Dictionary(pinned.map { ($0.cluster, $0) }, uniquingKeysWith: { $1 })
        configured = Set(clusters).union(pinned.map(\.cluster))
    }

    /// Whether a task may name this cluster. Nil while the announcements have not been read to their end.
    func isKnown(_ cluster: String) -> Bool? {
        if configured.contains(cluster) { return true }
        return state.withLock { state in
            if state.announced[cluster] != nil { return true }
            return state.isComplete ? false : nil
        }
    }

    /// What seals to the newest key of a cluster; nil when there is none.
    func sealer(for cluster: String) -> Sealer? {
        if let pinned = pinned[cluster] { return try? Sealer(publicKey: pinned.publicKey, keyID: pinned.keyID) }
        return state.withLock { $0.sealers[cluster] }
    }

    /// Takes an announcement, or (nil) that a cluster is gone.
    func apply(_ announcement: ClusterAnnouncement?, cluster: String) {
        let sealer = announcement?.newestKey.flatMap { try? Sealer(publicKey: $0.publicKey, keyID: $0.keyID) }
        state.withLock { state in
            state.announced[cluster] = announcement
            state.sealers[cluster] = sealer
        }
    }

    /// All announcements that were there when the service started have been read.
    func markComplete() { state.withLock { $0.isComplete = true } }

    var isComplete: Bool { state.withLock(\.isComplete) }

    /// The fleet as the API shows it.
    var json: [JSONValue] {
        let announced = state.withLock(\.announced)
        return Set(announced.keys).union(configured).sorted().map { cluster in
            var json: JSONValue = ["cluster": .string(cluster)]
            var keys = announced[cluster]?.keys.sorted { $0.createdAt > $1.createdAt }.map(\.json) ?? []
            if let pinned = pinned[cluster] {
                keys = [
                    [
                        "keyId": .string(pinned.keyID), "publicKey": .string(Base64.encode(pinned.publicKey)),
                        "pinned": true,
                    ]
                ]
            }
            json["keys"] = .array(keys)
            json["executors"] = (announced[cluster]?.executors ?? []).json
            if let announcement = announced[cluster] {
                json["version"] = .string(announcement.version)
                json["heartbeatAt"] = announcement.heartbeatAt.json
                json["kubernetesVersion"] = announcement.kubernetesVersion?.json
                json["helperImage"] = announcement.helperImage?.json
            }
            return json
        }
    }
}

/// A key that the operator has configured for a cluster.
package struct PinnedKey: Sendable, Equatable {
    /// The cluster.
    package let cluster: String
    /// The key's id.
    package let keyID: String
    /// The public key, 32 bytes.
    package let publicKey: [UInt8]

    /// Reads `cluster=keyid:base64`; nil when it is something else.
    package init?(parsing text: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        let key = parts[1].split(separator: ":", maxSplits: 1).map(String.init)
        guard key.count == 2, let bytes = Base64.decode(key[1]), bytes.count == SealingKeyPair.publicKeyBytes else {
            return nil
        }
        (cluster, keyID, publicKey) = (parts[0], key[0], bytes)
    }
}
