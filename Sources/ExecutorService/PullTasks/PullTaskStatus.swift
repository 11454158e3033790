package import KubernetesAPI
package import LongshoreDomain
package import WireFormats

/// The `status` of a PullTask, kept as it was read, so that fields of a newer executor survive an older one's writes.
package struct PullTaskStatus: Sendable, Hashable {
    /// The object as it is stored.
    package private(set) var raw: JSONObject

    /// Takes a status as it is stored; empty for a new PullTask.
    package init(raw: JSONObject = [:]) {
        self.raw = raw
    }

    /// The executor that works on a task.
    package struct Owner: Sendable, Hashable {
        /// Its identity; its Lease is `longshore-executor-<identity>`.
        package var identity: String
        /// When it took the task.
        package var claimedAt: Timestamp?

        /// Makes an owner.
        package init(identity: String, claimedAt: Timestamp? = nil) {
            self.identity = identity
            self.claimedAt = claimedAt
        }
    }

    /// Where the task is; `nil` before an executor has seen it.
    package var phase: TaskPhase? {
        get { raw["phase"]?.string.flatMap(TaskPhase.init) }
        set { raw["phase"] = newValue.map { .string($0.rawValue) } }
    }

    /// The executor that works on the task; only its writes count while its Lease is renewed.
    package var owner: Owner? {
        get {
            guard let owner = raw["owner"], let identity = owner["identity"]?.string else { return nil }
            return Owner(identity: identity, claimedAt: owner["claimedAt"]?.string.flatMap { Timestamp(rfc3339: $0) })
        }
        set {
            raw["owner"] = newValue.map { owner in
                var object: JSONObject = ["identity": .string(owner.identity)]
                if let claimedAt = owner.claimedAt { object["claimedAt"] = .string(claimedAt.rfc3339Seconds) }
                return .object(object)
            }
        }
    }

    /// The task's id in events; differs from the name for a PullTask that kubectl made.
    package var taskID: TaskID? {
        get { raw["taskId"]?.string.flatMap { TaskID($0) } }
        set { raw["taskId"] = newValue.map { .string($0.text) } }
    }

    /// The names of the task's first images, for `kubectl get`.
    package var imageNames: String? {
        get { raw["images"]?.string }
        set { raw["images"] = newValue.map { .string($0) } }
    }

    /// `Accepted`, `Checked`, `Complete`, `Failed`.
    package var conditions: [Condition] {
        get { raw["conditions"]?.array?.compactMap { try? Condition(json: $0) } ?? [] }
        set { raw["conditions"] = .array(newValue.map(\.json)) }
    }

    /// Sets a condition; its transition time changes only with its status.
    package mutating func set(
        condition type: String,
        _ status: Condition.Status,
        reason: String,
        message: String? = nil,
        at time: Timestamp
    ) {
        var conditions = conditions
        let former = conditions[type]
        conditions.removeAll { $0.type == type }
        conditions.append(
            Condition(
                type: type,
                status: status,
                reason: reason,
                message: message,
                lastTransitionTime: former?.status == status ? former?.lastTransitionTime ?? time : time
            )
        )
        self.conditions = conditions
    }

    /// The counts.
    package var counts: TaskCounts {
        get {
            TaskCounts(
                nodesTotal: raw["nodesTotal"]?.integer ?? 0,
                succeeded: raw["nodesSucceeded"]?.integer ?? 0,
                failed: raw["nodesFailed"]?.integer ?? 0,
                skipped: raw["nodesSkipped"]?.integer ?? 0,
                pulling: raw["nodesPulling"]?.integer ?? 0
            )
        }
        set {
            raw["nodesTotal"] = .integer(Int64(newValue.nodesTotal))
            raw["nodesSucceeded"] = .integer(Int64(newValue.succeeded))
            raw["nodesFailed"] = .integer(Int64(newValue.failed))
            raw["nodesSkipped"] = .integer(Int64(newValue.skipped))
            raw["nodesPulling"] = .integer(Int64(newValue.pulling))
        }
    }

    /// What the task does, as it was found when it was taken.
    package var resolved: ResolvedTask? {
        get { raw["resolved"].map(ResolvedTask.init(json:)) }
        set { raw["resolved"] = newValue?.json }
    }

    /// How far the task has come, 0 to 100.
    package var progress: Int? {
        get { raw["progress"]?.integer }
        set { raw["progress"] = newValue.map { .integer(Int64($0)) } }
    }

    /// The first 100 failures.
    package var failures: [TaskRun.NodeFailure] {
        get {
            raw["failures"]?.array?.compactMap { entry in
                guard let node = entry["node"]?.string, let image = entry["image"]?.string else { return nil }
                let cause = entry["cause"]?.string.flatMap(FailureCause.init) ?? .unknown
                let failure = TaskRun.ImageFailure(cause: cause, message: entry["message"]?.string ?? "")
                return TaskRun.NodeFailure(node: node, image: image, failure: failure)
            } ?? []
        }
        set {
            raw["failures"] = .array(
                newValue.map { failure in
                    [
                        "node": .string(failure.node), "image": .string(failure.image),
                        "cause": .string(failure.failure.cause.rawValue),
                        "message": .string(failure.failure.message),
                    ]
                }
            )
        }
    }

    /// The last sequence number that an executor may have used; the next owner starts above it.
    package var sequence: Int64 {
        get { Int64(raw["sequence"]?.integer ?? 0) }
        set { raw["sequence"] = .integer(newValue) }
    }

    /// What another executor needs to go on.
    package var record: TaskRun.Snapshot? {
        get { raw["record"].flatMap { try? TaskRun.Snapshot(json: $0) } }
        set { raw["record"] = newValue?.json }
    }

    /// Takes the lists out that grow with the task.
    mutating func removeNodes() {
        raw["failures"] = nil
        guard var record else { return }
        record.names = nil
        record.statuses = []
        record.untold = TaskRun.UntoldEnds()
        record.setAsideNodes = []
        self.record = record
    }

    /// How often the task was begun again for its failed nodes.
    package var retries: Int {
        get { max(0, raw["retries"]?.integer ?? 0) }
        set { raw["retries"] = .integer(Int64(newValue)) }
    }

    /// The `retryRequest` that was seen to last.
    package var observedRetryRequest: Int {
        get { raw["observedRetryRequest"]?.integer ?? 0 }
        set { raw["observedRetryRequest"] = .integer(Int64(newValue)) }
    }

    /// When the task was begun again last.
    package var retriedAt: Timestamp? {
        get { raw["retriedAt"]?.string.flatMap { Timestamp(rfc3339: $0) } }
        set { raw["retriedAt"] = newValue.map { .string($0.rfc3339Seconds) } }
    }

    /// When an executor took the task first.
    package var startedAt: Timestamp? {
        get { raw["startedAt"]?.string.flatMap { Timestamp(rfc3339: $0) } }
        set { raw["startedAt"] = newValue.map { .string($0.rfc3339Seconds) } }
    }

    /// When the task ended.
    package var finishedAt: Timestamp? {
        get { raw["finishedAt"]?.string.flatMap { Timestamp(rfc3339: $0) } }
        set { raw["finishedAt"] = newValue.map { .string($0.rfc3339Seconds) } }
    }
}
