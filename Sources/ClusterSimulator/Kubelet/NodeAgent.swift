import DequeModule
import KubernetesAPI
import WireFormats

/// The kubelet and the runtime of one node: its image store and its queue of pulls.
final class NodeAgent {
    /// A pull that waits or runs.
    struct Ticket {
        var id: Int
        var uid: String
        var image: PodRunner.ImageKey
        var name: ImageName
        var queuedAt: Timestamp
        var startedAt: Timestamp
    }

    var template: NodeTemplate
    var content: NodeContent
    var isLost = false
    var isDiskFull = false
    /// Pulls run one after the other, as the kubelet's `serializeImagePulls` has it.
    var waitingPulls: Deque<Ticket> = []
    var runningPull: Ticket?
    var reportsStatus = false
    /// The credentials of the node itself: of its credential providers, or of its runtime's configuration.
    var keyring = KubeletKeyring()
    /// What tells the node's own credentials from those of Secrets.
    static let credentialSource = "node"

    init(template: NodeTemplate, content: NodeContent) {
        self.template = template
        self.content = content
        for credential in template.registryCredentials { add(credential) }
    }

    func add(_ credential: NodeTemplate.RegistryCredential) {
        keyring.add(
            credential.location,
            KubeletKeyring.Credential(
                username: credential.username,
                password: credential.password,
                source: Self.credentialSource
            )
        )
    }

    var name: String { template.name }

    var freeBytes: Int { isDiskFull ? 0 : max(0, template.ephemeralStorageBytes - content.usedBytes) }
}

extension NodeTemplate {
    /// The image store of a new node: the helper image and what is preloaded.
    func initialContent(helperImage: String) -> NodeContent {
        var content = NodeContent()
        for text in (preloadsHelper ? [helperImage] : []) + preloadedImages {
            guard let name = ImageName(parsing: text) else { continue }
            content.add(name, InstantPuller.image(name), access: .everyone)
        }
        return content
    }
}
