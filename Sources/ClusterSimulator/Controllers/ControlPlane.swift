import DequeModule
import Synchronization
import WireFormats

/// Runs the controllers, the scheduler and the kubelets: one loop over the store's changes and one timer heap.
///
/// Everything in it happens on this actor, one change after another, in the order of the store's revisions.
actor ControlPlane {
    /// The parts, which call each other directly; they live on this actor and never leave it.
    final class Parts {
        let objects: ObjectAPI
        let configuration: ClusterSimulator.Configuration
        let events: EventRecorder
        let garbage: GarbageCollector
        let jobs: JobController
        let scheduler: Scheduler
        let namespaces: NamespaceController
        let nodes: NodeController
        let kubelets: KubeletSet
        fileprivate(set) var timers = TimerQueue()

        init(
            objects: ObjectAPI,
            configuration: ClusterSimulator.Configuration,
            puller: any ImagePuller,
            pulls: PullTasks
        ) {
            self.objects = objects
            self.configuration = configuration
            events = EventRecorder(objects: objects, isEnabled: configuration.recordsEvents)
            garbage = GarbageCollector(objects: objects)
            jobs = JobController(objects: objects, events: events)
            scheduler = Scheduler(objects: objects, events: events)
            namespaces = NamespaceController(objects: objects)
            nodes = NodeController(objects: objects, events: events, configuration: configuration)
            kubelets = KubeletSet(
                objects: objects,
                events: events,
                configuration: configuration,
                puller: puller,
                pulls: pulls
            )
        }

        var store: ObjectStore { objects.store }

        func after(_ delay: Duration, _ action: @escaping TimerQueue.Action) {
            timers.add(at: .now + delay, action)
        }
    }

    private let parts: Parts
    private let signal: Signal
    private let puller: any ImagePuller
    private let pulls: PullTasks
    private var alarm: (deadline: ContinuousClock.Instant, task: Task<Void, Never>)?
    private var isStopped = false

    init(objects: ObjectAPI, configuration: ClusterSimulator.Configuration, puller: any ImagePuller) {
        self.puller = puller
        signal = objects.store.controllerSignal
        pulls = PullTasks()
        parts = Parts(objects: objects, configuration: configuration, puller: puller, pulls: pulls)
    }

    /// Works until `stop()`.
    func run() async {
        pulls.plane.withLock { $0 = self }
        parts.kubelets.start(parts)
        while !isStopped {
            work()
            armAlarm()
            await signal.wait()
        }
        alarm?.task.cancel()
        pulls.cancelAll()
        await puller.close()
    }

    func stop() {
        isStopped = true
        signal.notify()
    }

    /// Does something with the parts, between two changes.
    func perform<R: Sendable>(_ body: @Sendable (Parts) throws -> R) rethrows -> R {
        defer { signal.notify() }
        return try body(parts)
    }

    /// Handles changes and timers until there are none left to handle now.
    private func work() {
        while true {
            let events = parts.store.takeUnprocessed()
            for event in events { dispatch(event) }
            var hadTimer = false
            while let action = parts.timers.popDue(.now) {
                action(parts)
                hadTimer = true
            }
            if events.isEmpty, !hadTimer {
                parts.kubelets.flush(parts)
                parts.namespaces.sweep()
                if parts.store.hasUnprocessed { continue }
                return
            }
        }
    }

    private func dispatch(_ event: StoreEvent) {
        parts.garbage.handle(event)
        switch event.resource {
        case .pods:
            parts.scheduler.handlePod(event, parts)
            parts.jobs.handlePod(event, parts)
            parts.kubelets.handlePod(event, parts)
            parts.nodes.handlePod(event, parts)
        case .nodes:
            parts.scheduler.handleNode(event, parts)
            parts.kubelets.handleNode(event, parts)
            parts.nodes.handleNode(event, parts)
        case .jobs: parts.jobs.handleJob(event, parts)
        case .namespaces: parts.namespaces.handle(event)
        default: break
        }
    }

    /// Sees to it that the loop wakes for the earliest timer.
    private func armAlarm() {
        guard let deadline = parts.timers.earliest else { return }
        if let alarm, alarm.deadline <= deadline, alarm.deadline > .now { return }
        alarm?.task.cancel()
        let signal = signal
        alarm = (
            deadline,
            Task {
                try? await Task.sleep(until: deadline, clock: .continuous)
                signal.notify()
            }
        )
    }
}
