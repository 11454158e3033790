import KubernetesAPI
import LongshoreDomain
import LongshoreMessages

extension RunnerLoop {
    /// Carries out what the sequencer has decided.
    func carryOut(_ actions: [JobSequencer.Action], _ group: inout DiscardingTaskGroup) {
        for action in actions {
            switch action {
            case .create(let start): create(start, &group)
            case .withdraw(let key): inbox.withdraw(key)
            case .delete(let deletion): delete(deletion, &group)
            }
        }
    }

    /// Adds what the node itself lists, before anything is said to be missing on it. An image whose tag may have moved is not
    /// believed, as when the task was planned.
    func addListed(_ observer: AttemptObserver, to observation: inout TaskRun.JobObservation) {
        let undecided = observer.references.filter { observation.images[$0]?.phase.isOnNode != true }
        guard !undecided.isEmpty, let node = context.nodes.get(name: observer.node) else { return }
        let listed = ImageNameTable.shared.names(of: node.imageNames)
        for name in undecided {
            guard let reference = try? ImageReference(parsing: name),
                spec.effectivePullPolicy(for: reference) == .ifNotPresent,
                reference.exactNames.contains(where: listed.contains)
            else { continue }
            observation.images[name] = TaskRun.ImageObservation(phase: .pulled)
        }
    }

    private func create(_ start: TaskRun.JobStart, _ group: inout DiscardingTaskGroup) {
        let key = AttemptKey(node: start.node, attempt: start.attempt)
        if observers[key] == nil {
            observers[key] = AttemptObserver(
                node: start.node,
                attempt: start.attempt,
                helperImage: context.configuration.helperImage,
                scrubber: scrubber
            )
        }
        let node = context.nodes.get(name: start.node)
        let method = PullMethod.choose(
            spec.strategy,
            kubeletVersion: node?.kubeletVersion ?? "",
            runtimeVersion: node?.runtimeVersion ?? "",
            firstMinor: context.configuration.imageVolumeMinorVersion
        )
        group.addTask { [jobs, inbox] in
            let creation = await jobs.create(start, method: method, unless: { inbox.isUnwanted(key) })
            inbox.settle(key)
            switch creation {
            case .created, .cancelled: break
            case .failed(let failure, let isRetryable):
                inbox.post(
                    .jobCreationFailed(
                        node: start.node,
                        attempt: start.attempt,
                        failure: failure,
                        isRetryable: isRetryable
                    )
                )
            case .adopted:
                // What happened before this runner was there, no informer will tell it.
                guard let found = await jobs.inspect(node: start.node, attempt: start.attempt) else { return }
                inbox.post { contents in
                    var changes = contents.attempts[key] ?? .init()
                    changes.job = changes.job ?? found.job
                    changes.pod = changes.pod ?? found.pod
                    changes.events = found.events + changes.events
                    contents.attempts[key] = changes
                }
            }
        }
    }

    /// Deletes a Job; the executor-wide limit bounds how many deletions are under way.
    private func delete(_ deletion: JobWriter.Deletion, _ group: inout DiscardingTaskGroup) {
        group.addTask { [jobs, inbox] in
            // Without an answer the runner is at its end, or the client is: what is left goes with the PullTask.
            let removal = await jobs.delete(deletion) ?? deletion.givenUp
            inbox.post { $0.removed.append(removal) }
        }
    }
}
