import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Redaction
import WireFormats

/// The Secret that puller Pods get the helper image with.
///
/// The operator names a Secret, whose credential may be good for a whole registry. A Pod's Secrets are for all of its images: with
/// that one in it, a task could pull whatever the operator may. So Pods are given a Secret of our own, in which the
/// credential stands under the helper image's whole name; the kubelet offers it for no other image.
actor HelperSecret {
    /// How long what was read of the operator's Secret is believed; a rotated credential is taken up after that.
    static let window = Duration.seconds(30)
    /// The beginning of the name of our Secrets; the rest is the hash of their content, so that none is ever changed.
    static let namePrefix = "longshore-helper-image-"

    /// What is to be done for a Pod.
    enum Answer: Sendable, Hashable {
        /// The Pod needs no Secret for the helper, or there is none that would help.
        case none
        /// The Secret to add to the Pod's own.
        case use(String)
        /// An image of the Pod that the helper's credential would be offered for.
        case conflict(image: String)
    }

    private let client: KubernetesClient
    private let namespace: String
    private let operatorSecret: String?
    private let helper: ImageReference?
    private var known: (secret: Secret?, problem: String?, at: ContinuousClock.Instant)?

    /// - Parameters:
    ///   - client: The cluster.
    ///   - configuration: Names the helper image, the operator's Secret and the namespace of both.
    init(client: KubernetesClient, configuration: ExecutorConfiguration) {
        self.client = client
        namespace = configuration.namespace
        operatorSecret = configuration.helperImageSecret
        helper = try? ImageReference(parsing: configuration.helperImage)
    }

    /// What a Pod with these images is to be given.
    ///
    /// - Throws: `KubernetesError` when that cannot be found out now.
    func answer(for images: [String]) async throws(KubernetesError) -> Answer {
        guard operatorSecret != nil, let helper else { return .none }
        guard let name = try await current().secret?.metadata.name else { return .none }
        let prefix = Self.repository(helper)
        for image in images {
            guard let reference = try? ImageReference(parsing: image) else { continue }
            let repository = Self.repository(reference)
            // The kubelet takes a key's path for a prefix of characters, not of segments.
            if repository != prefix, repository.hasPrefix(prefix) { return .conflict(image: image) }
        }
        return .use(name)
    }

    /// Our Secret, and what is wrong with the operator's.
    func current() async throws(KubernetesError) -> (secret: Secret?, problem: String?) {
        guard let operatorSecret, let helper else { return (nil, nil) }
        if let known, ContinuousClock.now - known.at < Self.window { return (known.secret, known.problem) }
        let found = try await client.getIfPresent(Secret.self, name: operatorSecret, namespace: namespace)
        let made: (secret: Secret?, problem: String?)
        if let found {
            made = try await make(from: found, for: helper)
        } else {
            made = (nil, "the Secret \(operatorSecret) for the helper image does not exist in \(namespace)")
        }
        known = (made.secret, made.problem, .now)
        return made
    }

    private func make(
        from found: Secret,
        for helper: ImageReference
    ) async throws(KubernetesError) -> (secret: Secret?, problem: String?) {
        let name = found.metadata.name ?? ""
        var keyring = KubeletKeyring()
        do throws(KubeletKeyring.UnreadableSecret) {
            try keyring.add(found)
        } catch {
            return (nil, "the kubelet cannot read the Secret \(name) for the helper image: \(error.message)")
        }
        let repository = Self.repository(helper)
        guard let credential = keyring.credentials(for: repository).first(where: { !$0.isAnonymous }) else {
            return (nil, "the Secret \(name) has no credential for the helper image \(helper.canonical)")
        }
        let secret = secret(credential, key: repository, owner: found)
        do throws(KubernetesError) {
            return (try await client.create(secret), nil)
        } catch {
            guard error.reason == .alreadyExists, let ours = secret.metadata.name else { throw error }
            let present = try await client.get(Secret.self, name: ours, namespace: namespace)
            let hash = secret.metadata.annotations[PullTaskKeys.contentHash]
            guard present.metadata.labels[PullTaskKeys.managedBy] == PullTaskKeys.manager,
                present.metadata.annotations[PullTaskKeys.contentHash] == hash
            else { return (nil, "a Secret \(ours) of somebody else stands in the way of the helper image's") }
            return (present, nil)
        }
    }

    private func secret(_ credential: KubeletKeyring.Credential, key: String, owner: Secret) -> Secret {
        let pair = Array("\(credential.username):".utf8) + credential.password.exposeBytes()
        let entry: JSONValue = ["auth": .string(Base64.encode(pair))]
        let content = SecretBytes(
            JSONValue.object(["auths": .object([key: entry])]).serialized(sortedKeys: true)
        )
        let hash = Hex.encode(SecretNames.sha256(content.exposeBytes()))
        return Secret(
            metadata: ObjectMeta(
                name: Self.namePrefix + hash.prefix(16),
                namespace: namespace,
                labels: [PullTaskKeys.managedBy: PullTaskKeys.manager, PullTaskKeys.component: "helper-image"],
                annotations: [PullTaskKeys.contentHash: hash],
                // It goes with the operator's.
                ownerReferences: [
                    OwnerReference(
                        apiVersion: "v1",
                        kind: "Secret",
                        name: owner.metadata.name ?? "",
                        uid: owner.metadata.uid ?? ""
                    )
                ]
            ),
            type: Secret.dockerConfigJSONType,
            data: [Secret.dockerConfigJSONKey: content],
            immutable: true
        )
    }

    private static func repository(_ image: ImageReference) -> String { "\(image.domain)/\(image.path)" }
}
