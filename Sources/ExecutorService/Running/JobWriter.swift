import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import Metrics

/// Creates, deletes and reads the Jobs of one task.
struct JobWriter: Sendable {
    let client: KubernetesClient
    let lease: LeaseKeeper
    let limit: ConcurrencyLimit
    let metrics: ExecutorMetrics
    let template: JobTemplate
    /// Knows the task's credentials.
    let scrubber: CredentialScrubber
    let secrets: SecretUses
    let helper: HelperSecret
    let logger: Logger

    /// What became of a Job that was to be created.
    enum Creation: Sendable {
        case created
        /// It was there already; what has become of it since is to be looked at.
        case adopted
        case failed(TaskRun.ImageFailure, isRetryable: Bool)
        case cancelled
    }

    private var namespace: String { template.namespace }

    /// Creates a Job, or takes the one that has its name.
    ///
    /// - Parameters:
    ///   - start: The attempt.
    ///   - method: How the images get onto the node.
    ///   - isUnwanted: Whether nothing is to be begun any more; asked when it is this Job's turn.
    /// - Returns: What became of it.
    func create(
        _ start: TaskRun.JobStart,
        method: PullMethod,
        unless isUnwanted: @escaping @Sendable () -> Bool
    ) async -> Creation {
        await limit.run {
            // The task may have been cancelled, or the Lease lost, while this one waited.
            guard !Task.isCancelled, !isUnwanted() else { return .cancelled }
            guard lease.isValid else {
                return failure(start, .internal, "The executor's Lease ran out.", isRetryable: true)
            }
            do throws(KubernetesError) {
                var permitted = start
                switch try await secrets.judge(start.secretNames, task: template.taskID, spec: template.spec) {
                case .allowed(let names): permitted.secretNames = names
                case .denied(let name, let denial):
                    return failure(
                        start,
                        .policyDenied,
                        "The Secret \(name) must not be used: \(denial.detail).",
                        isRetryable: false
                    )
                }
                switch try await helper.answer(for: start.images) {
                case .none: break
                case .use(let name): permitted.secretNames.append(name)
                case .conflict(let image):
                    return failure(
                        start,
                        .policyDenied,
                        "The name of \(image) begins with the helper image's, whose credential the kubelet would use for it.",
                        isRetryable: false
                    )
                }
                try await client.create(template.job(permitted, method: method))
                metrics.jobsCreated.increment()
                return .created
            } catch {
                return error.reason == .alreadyExists ? await adopt(start) : refusal(start, error)
            }
        }
    }

    private func adopt(_ start: TaskRun.JobStart) async -> Creation {
        let name = SecretNames.job(template.taskID, node: start.node, attempt: start.attempt)
        do throws(KubernetesError) {
            let present = try await client.getIfPresent(Job.self, name: name, namespace: namespace)
            guard let present, present.metadata.deletionTimestamp == nil else {
                return failure(start, .internal, "A former Job is still being removed.", isRetryable: true)
            }
            guard isOurs(present) else {
                logger.error(
                    "A Job of somebody else has this task's name; it is left alone",
                    metadata: ["job": "\(name)"]
                )
                return failure(start, .internal, "A foreign Job \(name) exists; it is left alone.", isRetryable: false)
            }
            metrics.jobsAdopted.increment()
            return .adopted
        } catch {
            return refusal(start, error)
        }
    }

    private func refusal(_ start: TaskRun.JobStart, _ error: KubernetesError) -> Creation {
        if error.reason == .cancelled || error.reason == .closed { return .cancelled }
        let cause = FailureCause.classify(waitingReason: "", message: error.message)
        // A quota frees up as other Jobs end; an admission webhook that is down is back some time.
        let isRetryable = error.isRetryable || error.message.contains("exceeded quota")
        let known: FailureCause = error.reason == .forbidden || error.reason == .invalid ? .policyDenied : .internal
        return failure(start, cause == .policyDenied ? .policyDenied : known, error.message, isRetryable: isRetryable)
    }

    private func failure(
        _ start: TaskRun.JobStart,
        _ cause: FailureCause,
        _ message: String,
        isRetryable: Bool
    ) -> Creation {
        let message = scrubber.scrub(message)
        logger.warning(
            "A Job could not be created",
            metadata: ["node": "\(start.node)", "attempt": "\(start.attempt)", "error": "\(message)"]
        )
        return .failed(TaskRun.ImageFailure(cause: cause, message: message), isRetryable: isRetryable)
    }

    /// A Job to delete.
    struct Deletion: Sendable, Hashable {
        let node: String
        let name: String
        /// Tells it from any other of its name; `nil` where it was never seen.
        let uid: String?

        init(node: String, name: String, uid: String?) {
            self.node = node
            self.name = name
            self.uid = uid
        }

        /// The answer to a deletion that is not tried again.
        var givenUp: Removal { Removal(node: node, name: name, uid: uid) }

        /// A Job that was seen.
        init?(_ job: Job) {
            guard let node = job.metadata.annotations[PullTaskKeys.node], let name = job.metadata.name else {
                return nil
            }
            self.init(node: node, name: name, uid: job.metadata.uid)
        }
    }

    /// A Job that is gone, or about to be: nothing stands in the way of its node's next one.
    struct Removal: Sendable, Hashable {
        let node: String
        let name: String
        /// `nil` where there was none.
        let uid: String?
    }

    /// Deletes a Job of the task and, in the background, its Pod. An API server that is away is waited for; a Job that it
    /// refuses to delete goes with the PullTask or by its TTL.
    ///
    /// - Parameters:
    ///   - deletion: The Job.
    ///   - tries: How often it is tried with an API server that is away.
    /// - Returns: What was removed; nil when cancelled, when the client is closed, or after the last try.
    func delete(_ deletion: Deletion, tries: Int = .max) async -> Removal? {
        var attempt = 0
        while !Task.isCancelled {
            guard lease.isValid else {
                try? await Task.sleep(for: .milliseconds(200))
                continue
            }
            attempt += 1
            do throws(KubernetesError) {
                let uid = try await limit.run { await deleteOnce(deletion) }.get()
                return Removal(node: deletion.node, name: deletion.name, uid: uid)
            } catch {
                if error.reason == .cancelled || error.reason == .closed { return nil }
                if !error.isRetryable || attempt.isMultiple(of: 5) {
                    logger.warning(
                        "A Job could not be deleted",
                        metadata: ["job": "\(deletion.name)", "attempt": "\(attempt)", "error": "\(error)"]
                    )
                }
                guard error.isRetryable else { return deletion.givenUp }
                if attempt >= tries { return nil }
                try? await Task.sleep(for: .milliseconds(min(200 << min(attempt, 5), 5_000)))
            }
        }
        return nil
    }

    /// The uid of what was deleted; `nil` when there was nothing of this task.
    private func deleteOnce(_ deletion: Deletion) async -> Result<String?, KubernetesError> {
        do throws(KubernetesError) {
            guard let uid = try await uid(of: deletion) else { return .success(nil) }
            let wasThere = try await client.deleteIfPresent(
                Job.self,
                name: deletion.name,
                namespace: namespace,
                DeleteOptions(uid: uid)
            )
            if wasThere { metrics.jobsDeleted.increment() }
            return .success(uid)
        } catch {
            // Another Job has the name by now.
            return error.reason == .conflict ? .success(deletion.uid) : .failure(error)
        }
    }

    /// The uid of the Job to delete; `nil` when there is none of this task.
    private func uid(of deletion: Deletion) async throws(KubernetesError) -> String? {
        if let uid = deletion.uid { return uid }
        let present = try await client.getIfPresent(Job.self, name: deletion.name, namespace: namespace)
        return present.flatMap { isOurs($0) ? $0.metadata.uid : nil }
    }

    /// Whether a Job was made for this task.
    func isOurs(_ job: Job) -> Bool {
        job.metadata.labels[PullTaskKeys.task] == template.taskID.text
            && job.metadata.ownerReferences.contains { $0.uid == template.owner.uid }
    }

    /// All Jobs and Pods of the task, from the API server itself; waits for it if it is away.
    ///
    /// - Returns: `nil` only when cancelled.
    func listAll() async -> (jobs: [Job], pods: [Pod])? {
        let selection = ListOptions(
            namespace: namespace,
            labelSelector: "\(PullTaskKeys.managedBy)=\(PullTaskKeys.manager),\(PullTaskKeys.task)=\(template.taskID)"
        )
        return await untilAnswered {
            (try await client.listAll(Job.self, selection).items, try await client.listAll(Pod.self, selection).items)
        }
    }

    /// One attempt's Job and Pod, from the API server itself; waits for it if it is away.
    ///
    /// - Returns: `nil` only when cancelled.
    func inspect(node: String, attempt: Int) async -> RunnerInbox.Inspection? {
        let name = SecretNames.job(template.taskID, node: node, attempt: attempt)
        let selector =
            "\(PullTaskKeys.task)=\(template.taskID),\(PullTaskKeys.nodeHash)=\(SecretNames.nodeHash(node)),"
            + "\(PullTaskKeys.attempt)=\(attempt)"
        let selection = ListOptions(namespace: namespace, labelSelector: selector)
        return await untilAnswered {
            let job = try await client.getIfPresent(Job.self, name: name, namespace: namespace)
            let pods = try await client.list(Pod.self, selection).items
            var inspection = RunnerInbox.Inspection(node: node, attempt: attempt, job: job, pod: pods.first)
            inspection.obstacle = try await PodObstacle(client: client, scrubber: scrubber).find(
                job: job,
                pod: pods.first
            )
            if let uid = pods.first?.metadata.uid {
                let reader = PodEventWatch(client: client, namespace: template.namespace, logger: logger)
                inspection.events = try await reader.list(podUID: uid)
            }
            return inspection
        }
    }

    private func untilAnswered<Value>(_ body: () async throws -> Value) async -> Value? {
        var attempt = 0
        while !Task.isCancelled {
            do {
                return try await body()
            } catch {
                attempt += 1
                if attempt == 1 || attempt.isMultiple(of: 20) {
                    logger.warning("The cluster could not be read", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .milliseconds(min(200 << min(attempt, 5), 5_000)))
            }
        }
        return nil
    }
}
