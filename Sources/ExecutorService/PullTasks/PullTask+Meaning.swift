package import KubernetesAPI
package import LongshoreDomain
import LongshoreMessages
package import WireFormats

/// Labels, annotations, condition types and reasons, each in one place.
package enum PullTaskKeys {
    /// The label of everything that Longshore makes.
    package static let managedBy = "app.kubernetes.io/managed-by"
    /// Its value.
    package static let manager = "longshore"
    /// The label of an object's role among Longshore's own.
    package static let component = "app.kubernetes.io/component"
    /// The label with the task's id.
    package static let task = "longshore.dev/task"
    /// The label with the project.
    package static let project = "longshore.dev/project"
    /// The annotation of a Secret with the projects that may use it, when the label's one is not enough.
    package static let projects = "longshore.dev/projects"
    /// The label with the hash of the node's name.
    package static let nodeHash = "longshore.dev/node-hash"
    /// The label with the attempt.
    package static let attempt = "longshore.dev/attempt"
    /// The annotation with the whole name of the node, which may be longer than a label's value.
    package static let node = "longshore.dev/node"
    /// The annotation with the references of a Pod's images, a JSON array by container number.
    package static let images = "longshore.dev/images"
    /// The annotation that tells how a PullTask came to be.
    package static let submission = "longshore.dev/submission"
    /// The annotation with the moment from which the deadline counts.
    package static let acceptedAt = "longshore.dev/accepted-at"
    /// The annotation with the W3C trace context.
    package static let traceParent = "longshore.dev/traceparent"
    /// The annotation with the SHA-256 of a Secret's content.
    package static let contentHash = "longshore.dev/content-sha256"

    /// The condition that the task was taken over.
    package static let accepted = "Accepted"
    /// The condition that nodes and images were resolved.
    package static let checked = "Checked"
    /// The condition that says of a spec that was changed later whether the task does what it says.
    package static let specFollowed = "SpecFollowed"
    /// The condition that nodes can run the helper image; only there when a task has paused because they could not.
    package static let helperAvailable = "HelperAvailable"
    /// The condition that the task has succeeded.
    package static let complete = "Complete"
    /// The condition that the task has ended otherwise.
    package static let failed = "Failed"
    /// The condition that a retry that was asked for was begun, or why not.
    package static let retried = "Retried"
    /// A Secret of the task's own that is gone.
    package static let secretRemoved = "SecretRemoved"
    /// The annotation with the ids of the last commands that were written into the spec.
    package static let commands = "longshore.dev/commands"
    /// A credential that no key of the cluster opens.
    package static let credentialUnreadable = "CredentialUnreadable"
    /// A Secret that the project may not use.
    package static let secretNotAllowed = "SecretNotAllowed"
    /// A Secret of ours could not be made.
    package static let secretRefused = "SecretRefused"
}

extension PullTask {
    /// Whether an executor made it from a message: then it may be claimed only once that executor is done with it.
    package var isFromKafka: Bool { metadata.annotations[PullTaskKeys.submission] == "kafka" }

    /// The task's id: the name, or for a PullTask that kubectl made one that depends on its uid alone. Whatever name somebody
    /// gives a PullTask, it is not taken for the task that has this id.
    package var taskID: TaskID? {
        if let known = status.taskID { return known }
        if isFromKafka, let name = metadata.name, let id = TaskID(name) { return id }
        guard let uid = metadata.uid else { return nil }
        let created = metadata.creationTimestamp ?? Timestamp(microsecondsSinceEpoch: 0)
        return TaskID.v7(at: created, random: Array(SecretNames.sha256(Array(uid.utf8)).prefix(10)))
    }

    /// The moment from which the deadline counts.
    package var acceptedAt: Timestamp {
        metadata.annotations[PullTaskKeys.acceptedAt].flatMap { Timestamp(rfc3339: $0) }
            ?? metadata.creationTimestamp ?? Timestamp(microsecondsSinceEpoch: 0)
    }

    /// The moment from which the deadline counts: a retry has a time of its own.
    package var deadlineStart: Timestamp { status.retriedAt ?? acceptedAt }

    /// Whether somebody has asked to have the ended task begun again, and no executor has seen to that yet.
    package var wantsRetry: Bool {
        isFinished && metadata.deletionTimestamp == nil && control.retryRequest > status.observedRetryRequest
    }

    /// The priority that its spec names.
    package var priority: Int { spec["priority"]?.integer ?? 5 }

    /// What commands have asked.
    package var control: TaskControl { (try? TaskControl(json: spec)) ?? TaskControl() }

    /// The names of its first images, at most 256 characters: what `kubectl get` shows. Nothing but references is in it.
    package var imageNames: String {
        let images = spec["images"]?.array ?? []
        let names = images.compactMap {
            ($0.string ?? $0["image"]?.string).flatMap { try? ImageReference(parsing: $0) }
        }
        .map(\.familiar)
        var text = ""
        for (index, name) in names.enumerated() {
            let rest = names.count - index
            guard text.count + name.count <= 240 else {
                return text.isEmpty ? "\(rest) \(rest == 1 ? "image" : "images")" : "\(text) +\(rest)"
            }
            text += text.isEmpty ? name : ",\(name)"
        }
        return text
    }

    /// The project that it names.
    package var project: String { spec["project"]?.string ?? "default" }

    /// Whether the task has ended.
    package var isFinished: Bool { status.phase?.isTerminal ?? false }

    /// Whether an executor may take the task: for one made from a message, its hand-off must be complete.
    package var isReadyToRun: Bool {
        guard !isFinished, metadata.deletionTimestamp == nil else { return false }
        guard isFromKafka else { return true }
        return status.conditions[PullTaskKeys.accepted] != nil
    }

    /// Why the task was taken over only to fail, if so: the condition `Accepted` is false with a reason of ours.
    package var refusal: Condition? {
        guard let accepted = status.conditions[PullTaskKeys.accepted], accepted.status == .false else { return nil }
        return accepted
    }

    /// What is worked on, and what of the spec is not.
    package struct Work: Sendable, Hashable {
        /// The spec that is worked by.
        package var spec: TaskSpec
        /// What of the PullTask's spec is not done, as a condition's reason and message; nil when all of it is.
        package var ignored: Ignored?

        /// Why a spec is not followed.
        package struct Ignored: Sendable, Hashable {
            /// A constant word.
            package var reason: String
            /// A sentence for the task's owner.
            package var message: String
        }
    }

    /// What is to be done: what was settled when the task was taken, with those settings of the spec that may be changed later.
    ///
    /// - Parameter cluster: This cluster's name, for a PullTask that names none.
    /// - Returns: The spec to work by, and what of the PullTask's is not done.
    /// - Throws: `RequestFaults` for a PullTask that makes no sense and was not taken before.
    package func work(cluster: String) throws(RequestFaults) -> Work {
        guard let resolved = status.resolved, let settled = try? resolved.spec() else {
            return Work(spec: try resolvedSpec(cluster: cluster))
        }
        let current: TaskSpec
        do throws(RequestFaults) {
            current = try resolvedSpec(cluster: cluster)
        } catch {
            let faults = error.faults.prefix(5).map(\.description).joined(separator: "; ")
            let message =
                "The spec was changed to one that makes no sense (\(faults)); the task goes on as it was taken."
            return Work(spec: settled, ignored: .init(reason: "InvalidSpec", message: message))
        }
        guard let applied = try? resolved.applied(to: current) else { return Work(spec: current) }
        guard !applied.ignored.isEmpty else { return Work(spec: applied.spec) }
        let fields = applied.ignored.map { "spec.\($0)" }.joined(separator: ", ")
        let message = """
            \(fields) differs from what the task was taken with and is not done: the task goes on as it was taken. \
            Make a new task for anything else.
            """
        return Work(spec: applied.spec, ignored: .init(reason: "SettledFieldsChanged", message: message))
    }

    /// What the spec says now.
    ///
    /// - Parameter cluster: This cluster's name, for a PullTask that names none.
    /// - Returns: The spec with every default in its place.
    /// - Throws: `RequestFaults` with everything that is wrong with a PullTask that kubectl made.
    package func resolvedSpec(cluster: String) throws(RequestFaults) -> TaskSpec {
        if isFromKafka {
            do throws(JSONMappingError) {
                return try TaskSpec(json: spec)
            } catch {
                let detail = "expected \(error.expected)"
                throw RequestFaults([RequestFault(pointer: error.pointer, kind: .invalidValue, detail: detail)])
            }
        }
        let defaults = RequestDefaults(project: "default", cluster: cluster)
        let parsed = try TaskRequest.parse(spec, channel: .pullTask, defaults: defaults)
        // Only references to Secrets can be in it, so no Secret of ours is named.
        var resolved = TaskSpec(request: parsed) { $0.key }
        resolved.cluster = cluster
        return resolved
    }
}
