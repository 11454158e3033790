import KubernetesAPI
import Logging
import LongshoreDomain
import Metrics

extension TaskCoordinator {
    /// Frees slots whose tasks have ended in the cluster, and measures slots against the tasks that this executor owns there.
    ///
    /// - Parameter pullTasks: All that the informer knows.
    func watchSlots(of pullTasks: [PullTask]) {
        let owned = pullTasks.count {
            !$0.isFinished && $0.status.owner?.identity == context.configuration.identity
        }
        context.metrics.setRunning(tasks: runners.count)
        context.metrics.setOwned(tasks: owned)
        guard context.pullTasks.hasSynced else { return }
        let former = slots.stale
        let actions = slots.look(at: runners.mapValues(sighting), now: .now)
        let found = slots.stale.subtracting(former)
        if !found.isEmpty {
            context.logger.error(
                "Slots are taken by tasks that have ended; they are freed",
                metadata: [
                    "slots": "\(found.count)",
                    "tasks": "\(found.map(\.text).sorted().prefix(10).joined(separator: " "))",
                    "timeout": "\(context.configuration.slotTimeout)",
                ]
            )
        }
        for action in actions { carryOut(action) }
        publishStaleSlots()
    }

    /// What is wrong with the slots, for a readiness check; `nil` when all that are taken hold tasks that have not ended.
    nonisolated func staleSlots(of configuration: ExecutorConfiguration) -> String? {
        let count = staleSlotCount
        guard count > 0 else { return nil }
        return """
            \(count) of \(configuration.maximumTasks) slots hold tasks that ended in the cluster more than \
            \(configuration.slotTimeout.components.seconds) s ago; they are being freed
            """
    }

    private func sighting(_ runner: TaskRunner) -> SlotWatch.Sighting {
        let metadata = runner.pullTask.metadata
        let seen = context.pullTasks.get(namespace: metadata.namespace, name: metadata.name ?? "")
        guard let seen, seen.metadata.uid == metadata.uid else { return runner.inbox.isEndTold ? .ended : .gone }
        return seen.isFinished ? .ended : .open
    }

    private func carryOut(_ action: SlotWatch.Action) {
        switch action {
        case .tellGone(let task): runners[task]?.inbox.post { $0.isDeleted = true }
        case .abandon(let task):
            context.metrics.slotsAbandoned.increment()
            runners[task]?.inbox.stop(.abandon)
        case .free(let task):
            guard let runner = runners[task] else { return }
            context.logger(for: runner.pullTask).error("A runner does not end; its slot is freed without it")
            free(runner)
        }
    }
}
