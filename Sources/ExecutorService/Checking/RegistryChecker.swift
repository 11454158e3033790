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
    }

    /// An image and the Secret to pull it with.
    struct Question: Sendable, Hashable {
        let image: ImageReference
        let secretName: String?
    }

    let client: KubernetesClient
    let registry: RegistryClient
    let namespace: String
    let permissions: SecretPermissions
    let timeout: Duration
    /// How many registries are asked at once.
    static let concurrency = 8

    /// Answers questions.
    ///
    /// - Parameters:
    ///   - questions: Images with their Secrets.
    ///   - task: The task: Secrets that Longshore made for another task are not used.
    ///   - project: Its project: Secrets that are for others are not used.
    ///   - asksRegistries: Whether registries are asked at all; Secrets are looked at in any case.
    ///   - platform: Which image of an index to measure.
    /// - Returns: A finding for each question. What a registry could not be asked is no failure: nodes may reach it.
    func check(
        _ questions: Set<Question>,
        task: TaskID,
        project: String,
        asksRegistries: Bool,
        platform: OCIPlatform?
    ) async -> [Question: Finding] {
        var secrets: [String: SecretState] = [:]
        for name in Set(questions.compactMap(\.secretName)) {
            secrets[name] = await read(name, task: task, project: project)
        }
        let asked = Array(questions)
        let findings = await concurrentMap(asked, limit: Self.concurrency) { [secrets] question in
            let secret = question.secretName.flatMap { secrets[$0] }
            return await find(question, secret, asksRegistries: asksRegistries, platform: platform)
        }
        return Dictionary(uniqueKeysWithValues: zip(asked, findings))
    }

    // MARK: - Secrets

    private enum SecretState: Sendable {
        case credentials([(scope: RegistryScope, credential: PlainCredential)])
        case refused(TaskRun.ImageFailure)
        /// The API server did not say.
        case unknown
    }

    private func read(_ name: String, task: TaskID, project: String) async -> SecretState {
        func refuse(_ cause: FailureCause, _ message: String) -> SecretState {
            .refused(TaskRun.ImageFailure(cause: cause, message: message))
        }
        let secret: Secret?
        do throws(KubernetesError) {
            secret = try await client.getIfPresent(Secret.self, name: name, namespace: namespace)
        } catch {
            return .unknown
        }
        guard let secret else { return refuse(.unauthorized, "The Secret \(name) does not exist.") }
        if let denial = permissions.denial(of: secret, task: task, project: project) {
            return refuse(.policyDenied, "The Secret \(name) must not be used: \(denial.detail).")
        }
        // The kubelet would pull without a credential and say nothing of it.
        guard secret.type == Secret.dockerConfigJSONType, let content = secret.data[Secret.dockerConfigJSONKey] else {
            return refuse(.unauthorized, "The Secret \(name) is not of the type kubernetes.io/dockerconfigjson.")
        }
        guard let entries = try? DockerConfig.parse(content) else {
            return refuse(.unauthorized, "The Secret \(name) holds no usable dockerconfigjson.")
        }
        return .credentials(entries)
    }

    // MARK: - Registries

    private func find(
        _ question: Question,
        _ secret: SecretState?,
        asksRegistries: Bool,
        platform: OCIPlatform?
    ) async -> Finding {
        let image = question.image
        // A caller who has the registry left out must not get past the operator's policy by that.
        if let reason = registry.refusal(ofHost: image.registryHost), let failure = Self.failure(refusal: reason) {
            return Finding(failure: failure)
        }
        var credential = OCIRegistry.RegistryCredential.anonymous
        switch secret {
        case .refused(let failure): return Finding(failure: failure)
        case .unknown: return Finding()
        case .credentials(let entries): credential = Self.credential(for: question.image, in: entries)
        case nil: break
        }
        guard asksRegistries else { return Finding() }
        do {
            let resolved = try await withTimeout(timeout) { [registry, credential] in
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
            return Finding(failure: Self.failure(error))
        } catch {
            return Finding()
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
        case .addressRefused: return error.refusal.flatMap(failure(refusal:))
        case .rateLimited, .tls, .network, .unavailable, .digestMismatch, .invalidResponse, .tooLarge, .timeout,
            .unsupported, .platformNotFound, .cancelled:
            return nil
        }
        return TaskRun.ImageFailure(cause: cause, message: Scrubber().scrub(error.message, limit: 512))
    }

    /// What the operator does not allow, nodes are not sent to either. Reserved blocks are another matter: clusters have
    /// them in use as private ones, and where nothing is known, nodes find out.
    private static func failure(refusal reason: AddressPolicy.Reason) -> TaskRun.ImageFailure? {
        guard reason != .reserved else { return nil }
        return TaskRun.ImageFailure(
            cause: .policyDenied,
            message: "The registry has an address that may not be used (\(reason.rawValue))."
        )
    }
}
