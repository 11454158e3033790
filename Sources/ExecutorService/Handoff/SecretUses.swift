import KubernetesAPI
import LongshoreDomain
import LongshoreMessages

/// Judges right before each Job is made which of its Secrets the task may use.
///
/// A task is taken over once and may make Jobs for a day: a Secret that was not there then may have been created since, and one
/// that was allowed may have been given to other projects. The API server is asked at most once in each window for each Secret,
/// however many nodes need it.
actor SecretUses {
    /// How old an answer of the API server may be.
    static let window = Duration.milliseconds(500)

    private struct Look {
        let begun: ContinuousClock.Instant
        let task: Task<Result<SecretPermissions.Terms?, KubernetesError>, Never>
    }

    private let permissions: SecretPermissions
    private var looks: [String: Look] = [:]

    /// Makes a judge.
    ///
    /// - Parameter permissions: The rules, and where the Secrets are.
    init(permissions: SecretPermissions) {
        self.permissions = permissions
    }

    /// What comes of a Job's Secrets.
    enum Judgement: Sendable, Hashable {
        /// The Secrets that the Pod may name, in their order.
        case allowed([String])
        /// A Secret that the task must not use, and why.
        case denied(name: String, SecretPermissions.Denial)
    }

    /// Judges the Secrets of a Job.
    ///
    /// - Parameters:
    ///   - names: The Secrets that its images are to be pulled with.
    ///   - task: The task.
    ///   - spec: The task's spec.
    /// - Returns: The first denial if there is one. A Secret that does not exist is left out: whoever creates it before the
    ///   kubelet looks has not been asked whether this task may use it.
    /// - Throws: `KubernetesError` when it cannot be found out now.
    func judge(_ names: [String], task: TaskID, spec: TaskSpec) async throws(KubernetesError) -> Judgement {
        var allowed: [String] = []
        for name in names {
            // Made by an executor for this task, immutable, and bound to its PullTask.
            if Self.isOwn(name, task: task, spec: spec) {
                allowed.append(name)
                continue
            }
            guard let terms = try await look(name).get() else { continue }
            if let denial = permissions.denial(of: terms, task: task, project: spec.project) {
                return .denied(name: name, denial)
            }
            allowed.append(name)
        }
        return .allowed(allowed)
    }

    private static func isOwn(_ name: String, task: TaskID, spec: TaskSpec) -> Bool {
        spec.credentials.contains {
            $0.isManaged && $0.secretName == name && name == SecretNames.pullSecret(task, scope: $0.scope)
        }
    }

    private func look(_ name: String) async -> Result<SecretPermissions.Terms?, KubernetesError> {
        let now = ContinuousClock.now
        if let look = looks[name], now - look.begun < Self.window { return await look.task.value }
        // Names that nobody asks for any more do not add up.
        if looks.count >= 1_000 { looks = looks.filter { now - $0.value.begun < Self.window } }
        let look = Look(
            begun: now,
            task: Task { [permissions] in
                do throws(KubernetesError) {
                    let secret = try await permissions.client.getIfPresent(
                        Secret.self,
                        name: name,
                        namespace: permissions.namespace
                    )
                    return .success(secret.map { SecretPermissions.Terms($0) })
                } catch {
                    return .failure(error)
                }
            }
        )
        looks[name] = look
        let result = await look.task.value
        // A failure is no answer.
        if case .failure = result, looks[name]?.begun == now { looks[name] = nil }
        return result
    }
}
