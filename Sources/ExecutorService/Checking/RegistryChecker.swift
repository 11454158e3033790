import Curl
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import OCIRegistry
import Redaction
import ServiceRuntime
import WireFormats

/// Asks registries about images with the task's own credentials, once for each image: a wrong password is found here and
/// not by a thousand nodes.
struct RegistryChecker: Sendable {
    /// What was found out about an image.
    struct Finding: Sendable, Hashable {
        var failure: TaskRun.ImageFailure?
        /// The size of what a node would pull, when it is known.
        var bytes: Int?
        /// Why the registry's refusal says nothing about what nodes will hear.
        var inconclusive: String?
    }

    /// An image and the Secret to pull it with.
    struct Question: Sendable, Hashable {
        let image: ImageReference
        let secretName: String?
        /// All Secrets of the Pod that pulls the image, in its order: the kubelet tries what matches in any of them. Empty
        /// where the image has none of its own.
        let podSecretNames: [String]

        init(image: ImageReference, secretName: String?, podSecretNames: [String] = []) {
            self.image = image
            self.secretName = secretName
            self.podSecretNames = secretName == nil ? [] : podSecretNames
        }
    }

    let client: KubernetesClient
    let registry: RegistryClient
    let namespace: String
    let permissions: SecretPermissions
    let timeout: Duration
    /// How many registries are asked at once.
    static let concurrency = 8
    /// How many credentials of a Secret are tried for one image; where there are more, nodes find out.
    static let maximumAttempts = 32
    /// The longest time for the resolution of a registry's name before anything else is done.
    static let lookupTimeout = Duration.seconds(5)

    /// Answers questions.
    ///
    /// - Parameters:
    ///   - questions: Images with their Secrets.
    ///   - task: The task: Secrets that Longshore made for another task are not used.
    ///   - project: Its project: Secrets that are for others are not used.
    ///   - checks: What registries are asked for: whether nodes can have the images, how large they are, or nothing at all. Secrets
    ///     are looked at in any case.
    ///   - platform: Which image of an index to measure.
    ///   - scrubber: Learns the credentials that are read.
    /// - Returns: A finding for each question. What a registry could not be asked is no failure: nodes may reach it.
    func check(
        _ questions: Set<Question>,
        task: TaskID,
        project: String,
        checks: Set<TaskCheck>,
        platform: OCIPlatform?,
        scrubber: CredentialScrubber
    ) async -> [Question: Finding] {
        var secrets: [String: SecretState] = [:]
        for name in Self.secretNames(in: questions) {
            secrets[name] = await read(name, task: task, project: project, scrubber)
        }
        let refusals = await refusals(ofHosts: Set(questions.map(\.image.registryHost)))
        let asked = Array(questions)
        let findings = await concurrentMap(asked, limit: Self.concurrency) { [secrets] question in
            if let refusal = refusals[question.image.registryHost] { return Finding(failure: refusal) }
            var finding = await find(question, secrets, checks: checks, platform: platform)
            if let failure = finding.failure { finding.failure?.message = scrubber.scrub(failure.message) }
            return finding
        }
        return Dictionary(uniqueKeysWithValues: zip(asked, findings))
    }

    /// All Secrets that Pods may use for the images.
    static func secretNames(in questions: Set<Question>) -> Set<String> {
        Set(questions.flatMap { $0.podSecretNames + [$0.secretName].compactMap(\.self) })
    }

    // MARK: - Secrets

    private enum SecretState: Sendable {
        /// Made by Longshore of a credential that came with the task: the scope it was given for decides (C1).
        case own([(scope: RegistryScope, credential: PlainCredential)], Secret)
        /// Somebody else's, which only the kubelet's rules are true of.
        case named(Secret)
        case refused(TaskRun.ImageFailure)
        /// The API server did not say.
        case unknown

        /// The Secret as the kubelet gets it.
        var secret: Secret? {
            switch self {
            case .own(_, let secret), .named(let secret): secret
            case .refused, .unknown: nil
            }
        }
    }

    /// Reads Secrets for their credentials alone. One that is gone by now may have been used by Pods that are still there.
    func learn(_ names: Set<String>, task: TaskID, project: String, into scrubber: CredentialScrubber) async {
        for name in names {
            scrubber.noteUnread(name)
            _ = await read(name, task: task, project: project, scrubber)
        }
    }

    private func read(
        _ name: String,
        task: TaskID,
        project: String,
        _ scrubber: CredentialScrubber
    ) async -> SecretState {
        func refuse(_ cause: FailureCause, _ message: String) -> SecretState {
            .refused(TaskRun.ImageFailure(cause: cause, message: message))
        }
        let secret: Secret?
        do throws(KubernetesError) {
            secret = try await client.getIfPresent(Secret.self, name: name, namespace: namespace)
        } catch {
            scrubber.noteUnread(name)
            return .unknown
        }
        guard let secret else { return refuse(.unauthorized, "The Secret \(name) does not exist.") }
        if let denial = permissions.denial(of: secret, task: task, project: project) {
            return refuse(.policyDenied, "The Secret \(name) must not be used: \(denial.detail).")
        }
        scrubber.learn(secret)
        let key =
            switch secret.type {
            case Secret.dockerConfigJSONType: Secret.dockerConfigJSONKey
            case Secret.dockercfgType: Secret.dockercfgKey
            default: ""
            }
        // The kubelet would pull without a credential and say nothing of it.
        guard let content = secret.data[key] else {
            return refuse(
                .unauthorized,
                "The Secret \(name) is not of the type \(Secret.dockerConfigJSONType) or \(Secret.dockercfgType)."
            )
        }
        let labels = secret.metadata.labels
        if labels[PullTaskKeys.managedBy] == PullTaskKeys.manager, labels[PullTaskKeys.task] == task.text {
            guard let entries = try? DockerConfig.parse(content) else {
                return refuse(.unauthorized, "The Secret \(name) holds no usable dockerconfigjson.")
            }
            return .own(entries, secret)
        }
        do throws(KubeletKeyring.UnreadableSecret) {
            var keyring = KubeletKeyring()
            try keyring.add(secret)
        } catch {
            // It would pull nothing at all with it, not even what is public.
            return refuse(.unauthorized, "The kubelet cannot read the Secret \(name): \(error.message).")
        }
        return .named(secret)
    }

    // MARK: - Registries

    /// The registries that the operator's address policy forbids. It is asked whatever the task's checks are: who leaves
    /// out the check of registries must not get past the policy by that.
    private func refusals(ofHosts hosts: Set<String>) async -> [String: TaskRun.ImageFailure] {
        let hosts = Array(hosts)
        let limit = min(timeout, Self.lookupTimeout)
        let failures = await concurrentMap(hosts, limit: Self.concurrency) { [registry] host in
            guard case .refused(let reason) = await registry.verdict(onHost: host, timeout: limit) else {
                return TaskRun.ImageFailure?.none
            }
            return Self.failure(refusal: reason)
        }
        return Dictionary(uniqueKeysWithValues: zip(hosts, failures)).compactMapValues(\.self)
    }

    private func find(
        _ question: Question,
        _ secrets: [String: SecretState],
        checks: Set<TaskCheck>,
        platform: OCIPlatform?
    ) async -> Finding {
        let image = question.image
        let credentials: [OCIRegistry.RegistryCredential]
        switch question.secretName.flatMap({ secrets[$0] }) {
        case .refused(let failure): return Finding(failure: failure)
        case .unknown: return Finding()
        case .own(let entries, _): credentials = [Self.credential(for: image, in: entries)]
        case .named: credentials = Self.kubeletCredentials(for: image, in: question.podSecretNames, secrets)
        case nil: credentials = []
        }
        guard !checks.isEmpty else { return Finding() }
        let finding = await ask(question, credentials, platform: platform)
        // Who wants to know only whether there is room leaves it to the nodes to find out what registries refuse.
        return checks.contains(.registry) ? finding : Finding(bytes: finding.bytes)
    }

    /// Tries one credential after the other until one works, as the kubelet does; anonymously when there is none.
    private func ask(
        _ question: Question,
        _ credentials: [OCIRegistry.RegistryCredential],
        platform: OCIPlatform?
    ) async -> Finding {
        var failures: [TaskRun.ImageFailure] = []
        var isUnknown = credentials.count > Self.maximumAttempts
        for credential in credentials.isEmpty ? [.anonymous] : credentials.prefix(Self.maximumAttempts) {
            do {
                let image = question.image
                let resolved = try await withTimeout(timeout) { [registry] in
                    try await registry.resolve(
                        host: image.registryHost,
                        repository: image.path,
                        reference: image.manifestReference,
                        credential: credential,
                        platform: platform
                    )
                }
                return Finding(bytes: resolved.totalBytes > 0 ? resolved.totalBytes : nil)
            } catch let error as RegistryError {
                if let failure = Self.failure(error) { failures.append(failure) } else { isUnknown = true }
            } catch {
                isUnknown = true
            }
        }
        if isUnknown { return Finding() }
        // What a registry says to somebody it lets in is the truer answer.
        let failure = failures.first { $0.cause != .unauthorized } ?? failures.first
        if failure?.cause == .unauthorized, credentials.allSatisfy({ $0 == .anonymous }) {
            // Nodes may have credentials of their own: credential providers of their kubelets, their runtime's configuration.
            let why = question.secretName.map { "the Secret \($0) has no credential for it" } ?? "no credential given"
            return Finding(inconclusive: "not checked: \(why)")
        }
        return Finding(failure: failure)
    }

    /// What the kubelet would try for an image, from all Secrets of its Pod.
    private static func kubeletCredentials(
        for image: ImageReference,
        in names: [String],
        _ secrets: [String: SecretState]
    ) -> [OCIRegistry.RegistryCredential] {
        var keyring = KubeletKeyring()
        // A Secret that is refused keeps its own images, and so itself, out of every Pod.
        for name in names { if let secret = secrets[name]?.secret { try? keyring.add(secret) } }
        return keyring.credentials(for: "\(image.domain)/\(image.path)").map { credential in
            credential.isAnonymous
                ? .anonymous : .basic(username: credential.username, password: credential.password)
        }
    }

    /// The entry with the most specific scope that covers the image, as with the credentials of a request.
    static func credential(
        for image: ImageReference,
        in entries: [(scope: RegistryScope, credential: PlainCredential)]
    ) -> OCIRegistry.RegistryCredential {
        let matching = entries.filter { $0.scope.matches(image) }
        guard let best = matching.max(by: { $0.scope.specificity < $1.scope.specificity }) else { return .anonymous }
        switch best.credential {
        case .basic(let username, let password): return .basic(username: username, password: password)
        case .identityToken(let token): return .identityToken(token)
        case .dockerConfigJSON(let configuration):
            let json = try? JSONValue(parsing: configuration.exposeBytes())
            guard let entry = json?["auths"]?.object?.first(where: { _ in true })?.value,
                let token = entry["registrytoken"]?.string, !token.isEmpty
            else { return .anonymous }
            return .registryToken(SecretBytes(utf8: token))
        }
    }

    /// What every node would hear as well; the rest may be the executor's own way to the registry.
    private static func failure(_ error: RegistryError) -> TaskRun.ImageFailure? {
        let cause: FailureCause
        switch error.code {
        case .unauthorized, .forbidden: cause = .unauthorized
        case .notFound: cause = .notFound
        case .invalidReference: cause = .invalidReference
        case .policyDenied: cause = .policyDenied
        case .addressRefused: return error.refusal.flatMap(failure(refusal:))
        case .rateLimited, .tls, .network, .unavailable, .digestMismatch, .invalidResponse, .tooLarge, .timeout,
            .unsupported, .platformNotFound, .cancelled:
            return nil
        }
        return TaskRun.ImageFailure(cause: cause, message: error.message)
    }

    /// What the operator does not allow, nodes are not sent to either. Reserved blocks are another matter: clusters have
    /// them in use as private ones (docs/decisions/012).
    private static func failure(refusal reason: AddressPolicy.Reason) -> TaskRun.ImageFailure? {
        guard reason != .reserved else { return nil }
        return TaskRun.ImageFailure(
            cause: .policyDenied,
            message: "The registry has an address that may not be used (\(reason.rawValue))."
        )
    }
}
