import KubernetesAPI
import LongshoreDomain
import LongshoreMessages

/// One attempt on one node, as the labels of its Job and Pod tell it.
struct AttemptKey: Hashable, Sendable {
    let nodeHash: String
    let attempt: Int

    init(nodeHash: String, attempt: Int) {
        self.nodeHash = nodeHash
        self.attempt = attempt
    }

    /// The key of an attempt on a node.
    init(node: String, attempt: Int) {
        self.init(nodeHash: SecretNames.nodeHash(node), attempt: attempt)
    }

    /// Reads the labels of a Job or Pod; `nil` for one that is not ours.
    init?(_ metadata: ObjectMeta) {
        guard metadata.labels[PullTaskKeys.managedBy] == PullTaskKeys.manager,
            let hash = metadata.labels[PullTaskKeys.nodeHash],
            let attempt = metadata.labels[PullTaskKeys.attempt].flatMap({ Int($0) }), attempt > 0
        else { return nil }
        self.init(nodeHash: hash, attempt: attempt)
    }
}
