import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Redaction
import WireFormats

/// Makes the Secrets that a task's images are pulled with.
struct PullSecrets: Sendable {
    let client: KubernetesClient
    let namespace: String

    /// Makes a Secret, or takes the one that is there if it is this task's.
    ///
    /// A Secret is never deleted to be made again: in between, a kubelet would pull without it.
    /// - Parameters:
    ///   - name: The Secret's name.
    ///   - content: A Docker configuration.
    ///   - task: The task that it belongs to, and goes with.
    ///   - project: The task's project.
    ///   - owner: The PullTask.
    /// - Throws: `ExecutorError` with `foreignObject`, or what the API server said.
    func ensure(
        _ name: String,
        content: SecretBytes,
        task: TaskID,
        project: String,
        owner: OwnerReference
    ) async throws {
        let hash = Hex.encode(SecretNames.sha256(content.exposeBytes()))
        let secret = Secret(
            metadata: ObjectMeta(
                name: name,
                namespace: namespace,
                labels: [
                    PullTaskKeys.managedBy: PullTaskKeys.manager, PullTaskKeys.task: task.text,
                    PullTaskKeys.project: project,
                ],
                annotations: [PullTaskKeys.contentHash: hash],
                ownerReferences: [owner]
            ),
            type: Secret.dockerConfigJSONType,
            data: [Secret.dockerConfigJSONKey: content],
            immutable: true
        )
        do throws(KubernetesError) {
            try await client.create(secret)
        } catch {
            guard error.reason == .alreadyExists else { throw error }
            let present = try await client.get(Secret.self, name: name, namespace: namespace)
            guard present.metadata.labels[PullTaskKeys.managedBy] == PullTaskKeys.manager,
                present.metadata.labels[PullTaskKeys.task] == task.text,
                present.metadata.ownerReferences.contains(where: { $0.uid == owner.uid })
            else {
                throw ExecutorError(
                    .foreignObject,
                    "A Secret \(name) exists that is not this task's; it is left alone."
                )
            }
            // The content comes from the same sealed box, so a difference means that somebody wrote to it.
            guard present.metadata.annotations[PullTaskKeys.contentHash] == hash else {
                throw ExecutorError(.foreignObject, "The Secret \(name) has another content than this task's.")
            }
        }
    }

    /// Deletes the Secrets that were made for a task; others are left alone.
    func remove(_ spec: TaskSpec, task: TaskID) async throws {
        for credential in spec.credentials where credential.isManaged {
            let name = credential.secretName
            guard let secret = try await client.getIfPresent(Secret.self, name: name, namespace: namespace) else {
                continue
            }
            guard secret.metadata.labels[PullTaskKeys.managedBy] == PullTaskKeys.manager,
                secret.metadata.labels[PullTaskKeys.task] == task.text
            else { continue }
            try await client.deleteIfPresent(
                Secret.self,
                name: name,
                namespace: namespace,
                DeleteOptions(uid: secret.metadata.uid)
            )
        }
    }
}
