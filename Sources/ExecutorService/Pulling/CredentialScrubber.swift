import KubernetesAPI
import LongshoreMessages
import Redaction
import Synchronization

/// Takes one task's pull credentials out of what runtimes, registries and the cluster say about it, before it is stored
/// or shown: a registry may echo the password that it was sent, and the runtime hands the text on.
///
/// Thread safety: a mutex guards what is known.
final class CredentialScrubber: Sendable {
    private struct Request: Hashable {
        var text: String
        var limit: Int
    }

    private struct State {
        var contents: [[SecretBytes]] = []
        var scrubber = Scrubber()
        var unread: Set<String> = []
        /// A thousand nodes say the same.
        var answers: [Request: String] = [:]
    }

    private let state = Mutex(State())
    private static let answerLimit = 64
    /// What is shown while a credential that Pods may use is not known.
    static let withheld =
        "The message is withheld: a Secret of the task could not be read to take its credential out of it."

    init() {}

    /// Learns a Secret's credentials; those of its former content are still taken out.
    ///
    /// - Parameter secret: The Secret; of one that holds no credentials nothing is learnt.
    func learn(_ secret: Secret) {
        let contents = [Secret.dockerConfigJSONKey, Secret.dockercfgKey].compactMap { secret.data[$0] }
        state.withLock { state in
            if let name = secret.metadata.name { state.unread.remove(name) }
            guard !state.contents.contains(contents) else { return }
            state.contents.append(contents)
            state.answers = [:]
            for value in contents.flatMap(DockerConfig.secrets(in:)) + Self.kubeletSecrets(secret) {
                state.scrubber.add(value)
            }
        }
    }

    /// What the kubelet reads out of a Secret, which it does less strictly than the rules of Docker's file say.
    private static func kubeletSecrets(_ secret: Secret) -> [SecretBytes] {
        var keyring = KubeletKeyring()
        // One that it cannot read is shown to no registry.
        try? keyring.add(secret)
        return keyring.allCredentials.flatMap { credential in
            [
                credential.password,
                SecretBytes(Array("\(credential.username):".utf8) + credential.password.exposeBytes()),
            ]
        }
    }

    /// Notes that Pods may use a Secret which could not be read: until it is, messages are withheld.
    func noteUnread(_ name: String) {
        state.withLock { _ = $0.unread.insert(name) }
    }

    /// The text without the task's credentials, and without what else a ``Redaction/Scrubber`` takes out.
    ///
    /// - Parameters:
    ///   - text: What somebody said.
    ///   - limit: The most bytes of the result; 512 by default.
    /// - Returns: The scrubbed text, or ``withheld``.
    func scrub(_ text: String, limit: Int = 512) -> String {
        let request = Request(text: text, limit: limit)
        let known: (answer: String?, scrubber: Scrubber) = state.withLock { state in
            (state.unread.isEmpty ? state.answers[request] : Self.withheld, state.scrubber)
        }
        if let answer = known.answer { return answer }
        let answer = known.scrubber.scrub(text, limit: limit)
        state.withLock { state in
            if state.answers.count >= Self.answerLimit { state.answers = [:] }
            state.answers[request] = answer
        }
        return answer
    }
}
