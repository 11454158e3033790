import WireFormats

/// Runs Jobs: one Pod at a time until one succeeds or the limits are reached; deadlines and removal after the end.
final class JobController {
    private struct Tracked {
        var key: ObjectKey
        var failures = 0
        var podsByUID: [String: ObjectKey] = [:]
        /// Pods whose end has been counted.
        var counted: Set<String> = []
        var isFinished = false
        /// Pod creations refused in a row, for the back-off.
        var refusals = 0
        var awaitsRetry = false
    }

    private let objects: ObjectAPI
    private let events: EventRecorder
    private var tracked: [String: Tracked] = [:]
    static let component = "job-controller"

    init(objects: ObjectAPI, events: EventRecorder) {
        self.objects = objects
        self.events = events
    }

    // MARK: Jobs

    func handleJob(_ event: StoreEvent, _ parts: ControlPlane.Parts) {
        let job = event.object
        if event.kind == .deleted {
            tracked[job.uid] = nil
            return
        }
        guard tracked[job.uid] == nil else { return }
        var state = Tracked(key: job.key)
        state.failures = job.json[path: "status", "failed"]?.integer ?? 0
        state.isFinished = Self.isFinished(job.json)
        tracked[job.uid] = state
        adoptPods(of: job)
        if state.isFinished {
            scheduleRemoval(job, parts)
            return
        }
        scheduleDeadline(job, parts)
        sync(uid: job.uid, parts)
    }

    /// Finds Pods that were there before this process, after a restart from a data directory.
    private func adoptPods(of job: StoredObject) {
        guard job.json[path: "status", "startTime"] != nil else { return }
        for pod in objects.store.list(.pods, namespace: job.key.namespace).objects
        where Self.controllerID(pod) == job.uid {
            tracked[job.uid]?.podsByUID[pod.uid] = pod.key
            if let phase = pod.json[path: "status", "phase"]?.string, phase == "Failed" {
                tracked[job.uid]?.counted.insert(pod.uid)
            }
        }
    }

    private static func isFinished(_ job: JSONValue) -> Bool {
        Conditions.value(job, "Complete") == "True" || Conditions.value(job, "Failed") == "True"
    }

    private static func controllerID(_ pod: StoredObject) -> String? {
        (pod.metadata["ownerReferences"]?.array ?? []).first {
            $0["controller"]?.bool == true && $0["kind"]?.string == "Job"
        }?["uid"]?.string
    }

    /// Starts a Pod where one is wanted.
    private func sync(uid: String, _ parts: ControlPlane.Parts) {
        guard let state = tracked[uid], !state.isFinished, !state.awaitsRetry,
            let job = objects.store.get(.jobs, state.key), !job.isDeleting
        else { return }
        guard state.podsByUID.isEmpty else {
            writeStatus(uid: uid)
            return
        }
        if job.json[path: "status", "startTime"] == nil {
            let now = Timestamp.now().rfc3339Seconds
            objects.updateStatus(.jobs, state.key) { $0["startTime"] = .string(now) }
        }
        createPod(job, parts)
    }

    private func createPod(_ job: StoredObject, _ parts: ControlPlane.Parts) {
        let template = job.json[path: "spec", "template"] ?? [:]
        var metadata = template["metadata"] ?? [:]
        metadata["generateName"] = .string("\(job.key.name)-")
        metadata["ownerReferences"] = [
            [
                "apiVersion": "batch/v1", "kind": "Job", "name": .string(job.key.name), "uid": .string(job.uid),
                "controller": true, "blockOwnerDeletion": true,
            ]
        ]
        let body: JSONValue = [
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] ?? [:],
        ]
        guard let definition = objects.registry.definition(.pods) else { return }
        let subject = EventRecorder.Subject("Job", "batch/v1", job)
        do throws(APIStatusError) {
            let pod = try objects.create(definition, namespace: job.key.namespace, body).object
            tracked[job.uid]?.podsByUID[pod.uid] = pod.key
            tracked[job.uid]?.refusals = 0
            events.record(
                subject,
                reason: "SuccessfulCreate",
                "Created pod: \(pod.key.name)",
                component: Self.component
            )
            writeStatus(uid: job.uid)
        } catch {
            let message = "Error creating: \(error.message)"
            events.record(subject, reason: "FailedCreate", message, component: Self.component, isWarning: true)
            let refusals = (tracked[job.uid]?.refusals ?? 0) + 1
            tracked[job.uid]?.refusals = refusals
            retry(uid: job.uid, after: .seconds(min(1 << min(refusals, 6), 60)), parts)
        }
    }

    private func retry(uid: String, after delay: Duration, _ parts: ControlPlane.Parts) {
        tracked[uid]?.awaitsRetry = true
        parts.after(delay) { parts in
            parts.jobs.tracked[uid]?.awaitsRetry = false
            parts.jobs.sync(uid: uid, parts)
        }
    }

    // MARK: Pods

    func handlePod(_ event: StoreEvent, _ parts: ControlPlane.Parts) {
        guard let uid = Self.controllerID(event.object), let state = tracked[uid], !state.isFinished else { return }
        let pod = event.object
        if event.kind == .deleted {
            let wasCounted = state.counted.contains(pod.uid)
            tracked[uid]?.podsByUID[pod.uid] = nil
            // A Pod that was deleted before it ended counts as failed.
            if state.podsByUID[pod.uid] != nil, !wasCounted { podFailed(uid: uid, pod, parts) }
            return
        }
        guard !state.counted.contains(pod.uid) else { return }
        tracked[uid]?.podsByUID[pod.uid] = pod.key
        switch pod.json[path: "status", "phase"]?.string {
        case "Succeeded":
            tracked[uid]?.counted.insert(pod.uid)
            finish(uid: uid, succeeded: true, "CompletionsReached", "Reached expected number of succeeded pods", parts)
        case "Failed":
            tracked[uid]?.counted.insert(pod.uid)
            podFailed(uid: uid, pod, parts)
        default: writeStatus(uid: uid)
        }
    }

    private func podFailed(uid: String, _ pod: StoredObject, _ parts: ControlPlane.Parts) {
        tracked[uid]?.failures += 1
        tracked[uid]?.podsByUID[pod.uid] = nil
        guard let state = tracked[uid], let job = objects.store.get(.jobs, state.key) else { return }
        let limit = job.json[path: "spec", "backoffLimit"]?.integer ?? 6
        if state.failures > limit {
            let message = "Job has reached the specified backoff limit"
            finish(uid: uid, succeeded: false, "BackoffLimitExceeded", message, parts)
        } else {
            writeStatus(uid: uid)
            retry(uid: uid, after: .seconds(10 * (1 << min(state.failures - 1, 5))), parts)
        }
    }

    private func writeStatus(uid: String) {
        guard let state = tracked[uid] else { return }
        let ready = state.podsByUID.values.count { key in
            objects.store.get(.pods, key).map { Conditions.value($0.json, "Ready") == "True" } ?? false
        }
        objects.updateStatus(.jobs, state.key) { status in
            status["active"] = .integer(Int64(state.podsByUID.count))
            status["ready"] = .integer(Int64(ready))
            status["terminating"] = 0
            status["uncountedTerminatedPods"] = [:]
            if state.failures > 0 { status["failed"] = .integer(Int64(state.failures)) }
        }
    }

    // MARK: The end

    private func finish(
        uid: String,
        succeeded: Bool,
        _ reason: String,
        _ message: String,
        _ parts: ControlPlane.Parts
    ) {
        guard let state = tracked[uid] else { return }
        tracked[uid]?.isFinished = true
        let now = Timestamp.now().rfc3339Seconds
        let updated = objects.updateStatus(.jobs, state.key) { status in
            let types = succeeded ? ["SuccessCriteriaMet", "Complete"] : ["FailureTarget", "Failed"]
            for type in types {
                Conditions.set(&status, type: type, status: "True", reason: reason, message: message, now: now)
            }
            if succeeded {
                status["completionTime"] = .string(now)
                status["succeeded"] = 1
            }
            status.removeMember("active")
            status["ready"] = 0
            status["terminating"] = 0
            status["uncountedTerminatedPods"] = [:]
            if state.failures > 0 { status["failed"] = .integer(Int64(state.failures)) }
        }
        guard let job = updated else { return }
        events.record(
            EventRecorder.Subject("Job", "batch/v1", job),
            reason: succeeded ? "Completed" : reason,
            succeeded ? "Job completed" : message,
            component: Self.component,
            isWarning: !succeeded
        )
        scheduleRemoval(job, parts)
    }

    private func scheduleDeadline(_ job: StoredObject, _ parts: ControlPlane.Parts) {
        guard let seconds = job.json[path: "spec", "activeDeadlineSeconds"]?.integer else { return }
        let start = job.json[path: "status", "startTime"]?.string.flatMap { Timestamp(rfc3339: $0) } ?? .now()
        let uid = job.uid
        parts.after(.seconds(seconds) - Timestamp.now().duration(since: start)) { parts in
            parts.jobs.deadlinePassed(uid: uid, parts)
        }
    }

    private func deadlinePassed(uid: String, _ parts: ControlPlane.Parts) {
        guard let state = tracked[uid], !state.isFinished, let definition = objects.registry.definition(.pods) else {
            return
        }
        tracked[uid]?.failures += state.podsByUID.count
        tracked[uid]?.podsByUID = [:]
        let message = "Job was active longer than specified deadline"
        finish(uid: uid, succeeded: false, "DeadlineExceeded", message, parts)
        for key in state.podsByUID.values { _ = try? objects.delete(definition, key) }
    }

    private func scheduleRemoval(_ job: StoredObject, _ parts: ControlPlane.Parts) {
        guard let seconds = job.json[path: "spec", "ttlSecondsAfterFinished"]?.integer else { return }
        let conditions = job.json[path: "status", "conditions"]?.array ?? []
        let end = conditions.first { ["Complete", "Failed"].contains($0["type"]?.string ?? "") }
        let time = end?["lastTransitionTime"]?.string.flatMap { Timestamp(rfc3339: $0) } ?? .now()
        let key = job.key
        let uid = job.uid
        parts.after(.seconds(seconds) - Timestamp.now().duration(since: time)) { parts in
            guard let definition = parts.objects.registry.definition(.jobs) else { return }
            var options = DeleteOptions()
            options.uid = uid
            options.propagationPolicy = "Foreground"
            _ = try? parts.objects.delete(definition, key, options)
        }
    }
}
