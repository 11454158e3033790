import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// Which Secrets a task may name: its own, and those that their owner lets its project use.
///
/// The owner says so on the Secret, where only those can write who could read it anyway: by the label
/// `longshore.dev/project`, or by the annotation `longshore.dev/projects` with several names, or `*`. A Secret that says nothing is for
/// every project, unless the operator wants it to be for none.
struct SecretPermissions: Sendable {
    let client: KubernetesClient
    let namespace: String
    /// Whether a Secret that names no project is for none.
    let needsProject: Bool
    /// The operator's Secret for the helper image, which is no task's.
    var reserved: String?

    /// What a task must not use.
    ///
    /// - Parameters:
    ///   - spec: The task's spec.
    ///   - task: The task.
    /// - Returns: A fault for each place that names a Secret which the project may not use. One that does not exist is none: it
    ///   may come to be before it is needed, and the check before the first pull looks at it.
    /// - Throws: `KubernetesError` when it cannot be found out now.
    func faults(of spec: TaskSpec, task: TaskID) async throws(KubernetesError) -> [RequestFault] {
        var known: [String: Denial?] = [:]
        var faults: [RequestFault] = []
        for (name, pointer) in Self.names(in: spec, task: task) {
            let denial: Denial?
            if let seen = known[name] {
                denial = seen
            } else {
                let secret = try await client.getIfPresent(Secret.self, name: name, namespace: namespace)
                denial = secret.flatMap { self.denial(of: $0, task: task, project: spec.project) }
                known.updateValue(denial, forKey: name)
            }
            guard let denial else { continue }
            faults.append(RequestFault(pointer: pointer, kind: .notAllowed, detail: denial.detail))
        }
        return faults
    }

    /// Why a Secret must not be used.
    enum Denial: Sendable, Hashable {
        /// It holds the sealing keys, or something else of Longshore's own.
        case reserved
        /// It was made for another task.
        case otherTask
        /// It is another project's.
        case otherProject
        /// It names no project, and the operator wants it to.
        case noProject

        /// One sentence that says what to do. It is the same for every Secret: it names none.
        var detail: String {
            switch self {
            case .reserved: "this Secret is Longshore's own; name one with a registry's credential"
            case .otherTask:
                "this Secret belongs to another task; name one of yours, or send the credential with the task"
            case .otherProject:
                "this Secret is for other projects: its owner can add yours to its annotation \(PullTaskKeys.projects), or send the credential with the task"
            case .noProject:
                "this Secret names no project that may use it: its owner can label it \(PullTaskKeys.project)=<project>, or send the credential with the task"
            }
        }
    }

    /// What a Secret says about who may use it, without any value of it.
    struct Terms: Sendable, Hashable {
        var labels: [String: String]
        /// The annotation that names projects.
        var projects: String
        var type: String
        var name: String

        init(_ secret: Secret) {
            name = secret.metadata.name ?? ""
            labels = secret.metadata.labels
            projects = secret.metadata.annotations[PullTaskKeys.projects] ?? ""
            type = secret.type
        }
    }

    /// Why a task must not use a Secret; nothing when it may.
    func denial(of secret: Secret, task: TaskID, project: String) -> Denial? {
        denial(of: Terms(secret), task: task, project: project)
    }

    /// Why a task must not use a Secret that says this; nothing when it may.
    func denial(of terms: Terms, task: TaskID, project: String) -> Denial? {
        let labels = terms.labels
        if let reserved, terms.name == reserved { return .reserved }
        if labels[PullTaskKeys.managedBy] == PullTaskKeys.manager || terms.type == SealingKeys.secretType {
            guard let owner = labels[PullTaskKeys.task] else { return .reserved }
            return owner == task.text ? nil : .otherTask
        }
        var projects = labels[PullTaskKeys.project].map { [$0] } ?? []
        projects += terms.projects
            .split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\n" }).map(String.init)
        if projects.isEmpty { return needsProject ? .noProject : nil }
        return projects.contains(project) || projects.contains("*") ? nil : .otherProject
    }

    /// The Secrets that a task names and that are not made for it, each with its place.
    private static func names(in spec: TaskSpec, task: TaskID) -> [(name: String, pointer: JSONPointer)] {
        var names: [(String, JSONPointer)] = []
        for (index, image) in spec.images.enumerated() {
            guard let name = image.secretName else { continue }
            names.append((name, JSONPointer.root.appending("images").appending(index).appending("secretRef")))
        }
        for (index, credential) in spec.credentials.enumerated() {
            // Whoever writes a message can call any Secret the task's own.
            let isOwn = credential.secretName == SecretNames.pullSecret(task, scope: credential.scope)
            guard !(credential.isManaged && isOwn) else { continue }
            let place = JSONPointer.root.appending("registryCredentials").appending(index).appending("secretRef")
            names.append((credential.secretName, place))
        }
        for (index, override) in spec.overrides.enumerated() {
            guard let name = override.secretName else { continue }
            names.append((name, JSONPointer.root.appending("overrides").appending(index).appending("secrets")))
        }
        return names
    }
}
