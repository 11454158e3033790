import Crypto
package import LongshoreDomain
import WireFormats

/// The names of Kubernetes objects. They follow from what the object is for, so that making one twice is adopting it.
package enum SecretNames {
    /// The Secret with a task's credential for a part of a registry: `pull-<task>-<8 digits of the scope's hash>`.
    package static func pullSecret(_ task: TaskID, scope: RegistryScope) -> String {
        "pull-\(task)-\(shortHash(scope.key))"
    }

    /// The Job of an attempt on a node: `pull-<task>-<8 digits of the node's hash>-<attempt>`, at most 63 characters.
    package static func job(_ task: TaskID, node: String, attempt: Int) -> String {
        "pull-\(task)-\(nodeHash(node))-\(attempt)"
    }

    /// The first 8 hexadecimal digits of the SHA-256 of a node's name, which itself can be too long for a label.
    package static func nodeHash(_ node: String) -> String { shortHash(node) }

    /// The Secret with a project's signing secret for webhooks.
    package static func webhookSecret(project: String) -> String {
        // A project's name is a DNS label; anything else could not be part of the name.
        KubernetesNames.isLabel(Array(project.utf8)) ? "webhook-\(project)" : "webhook-hash.\(shortHash(project))"
    }

    /// SHA-256 of a text, as hexadecimal digits.
    package static func sha256(_ text: String) -> String { Hex.encode(SHA256.hash(data: Array(text.utf8))) }

    /// SHA-256 of bytes.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

    private static func shortHash(_ text: String) -> String {
        Hex.encode(SHA256.hash(data: Array(text.utf8)).prefix(4))
    }
}
