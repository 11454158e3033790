import LongshoreDomain
import TestSupport
import Testing
import WireFormats

/// Random tasks on a random cluster in random orders of events; the seed is the test's argument.
@Suite struct TaskRunPropertyTests {
    @Test(arguments: UInt64(0)..<400) func `every order of events leads to one end within the limits`(
        seed: UInt64
    ) throws {
        var world = RandomWorld(seed: seed)
        world.run(steps: 400)
        world.finish()
        world.check()
    }

    @Test(arguments: UInt64(1000)..<1200) func `take-overs in between change nothing of that`(seed: UInt64) throws {
        var world = RandomWorld(seed: seed, takesOver: true)
        world.run(steps: 400)
        world.finish()
        world.check()
    }
}

/// A cluster that remembers which Jobs exist, and a stream of random happenings.
private struct RandomWorld {
    var random: SeededGenerator
    var run: TaskRun
    var now = RunDriver.start
    let nodes: [String]
    let images: [String]
    let takesOver: Bool
    var largestBatch: Int
    var mostRetries: Int
    var timer: Timestamp?
    var jobs: Set<String> = []
    var inspections: [(String, Int)] = []
    var attempts: [String: Set<Int>] = [:]
    var nodeEnds: [String: Int] = [:]
    var terminals: [TaskEventDraft] = []
    var progressTimes: [Timestamp] = []
    var helperEndings = 0
    var finished = 0
    var effectsAfterEnd = 0
    var isResolved = false
    var takeOvers = 0

    init(seed: UInt64, takesOver: Bool = false) {
        var random = SeededGenerator(seed: seed)
        self.takesOver = takesOver
        nodes = (0..<Int.random(in: 1...25, using: &random)).map { "node-\($0)" }.sorted()
        images = (0..<Int.random(in: 1...4, using: &random)).map { "image-\($0)" }
        largestBatch = Int.random(in: 1...6, using: &random)
        mostRetries = Int.random(in: 0...3, using: &random)
        let settings = TaskRun.Settings(
            batchSize: largestBatch,
            tolerance: Bool.random(using: &random) ? .ratio(Double.random(in: 0..<1, using: &random)) : .count(3),
            timeout: .seconds(100),
            schedulingAllowance: .seconds(20),
            deadline: RunDriver.start + .seconds(Int64.random(in: 50...5_000, using: &random)),
            maxRetries: mostRetries,
            retryPolicy: RetryPolicy(strategy: .exponential, base: .seconds(5), cap: .seconds(50))
        )
        run = TaskRun(settings: settings, seed: seed)
        self.random = random
    }

    var plan: TaskRun.Plan {
        TaskRun.Plan(
            imageSets: [.init(images: images)],
            targets: nodes.map { .init(node: $0, present: []) },
            badImages: [:]
        )
    }

    mutating func send(_ event: TaskRun.Event) {
        let effects = run.handle(event, at: now)
        if finished > 0 { effectsAfterEnd += effects.filter { $0 != .persistStatus }.count }
        for effect in effects { carryOut(effect) }
        let counts = run.counts
        #expect(
            counts.succeeded + counts.failed + counts.skipped + counts.pulling + counts.pending == counts.nodesTotal
        )
        #expect(counts.pending >= 0 && counts.pulling >= run.nodesInWork)
    }

    mutating func carryOut(_ effect: TaskRun.Effect) {
        switch effect {
        case .startJob(let start):
            // A take-over may find more Jobs than its snapshot knew of; it adds none to them.
            if takeOvers == 0 { #expect(run.nodesInWork <= largestBatch) }
            #expect(!start.images.isEmpty && Set(start.images).isSubset(of: images))
            jobs.insert("\(start.node) \(start.attempt)")
            attempts[start.node, default: []].insert(start.attempt)
            if takeOvers == 0 { #expect(jobs.count <= largestBatch) }
        case .deleteJob(let node, let attempt): jobs.remove("\(node) \(attempt)")
        case .inspectJob(let node, let attempt): inspections.append((node, attempt))
        case .emit(let draft):
            switch draft.kind {
            case .nodeSucceeded, .nodeFailed, .nodeSkipped: nodeEnds[draft.node ?? "", default: 0] += 1
            case .progress: progressTimes.append(now)
            default: break
            }
        case .scheduleTimer(let time): timer = time
        case .publishTerminal(let draft): terminals.append(draft)
        case .finish:
            finished += 1
            #expect(jobs.isEmpty)
        case .resolveNodes: isResolved = true
        case .persistStatus: break
        case .pauseTask: #expect(run.isPaused && run.helperTrouble != nil)
        }
    }

    mutating func run(steps: Int) {
        send(.started)
        for _ in 0..<steps {
            now = now + .milliseconds(Int64.random(in: 0...4_000, using: &random))
            step()
        }
    }

    mutating func step() {
        let node = nodes.randomElement(using: &random)!
        let attempt = Int.random(in: 1...4, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<50: observe()
        case 50..<60: send(.jobObserved(.init(node: node, attempt: attempt, images: randomImages(final: true))))
        case 60..<64: lose()
        case 64..<68:
            let failure = TaskRun.ImageFailure(cause: .internal, message: "500")
            let isRetryable = Bool.random(using: &random)
            // What was refused for good is not there.
            if !isRetryable { jobs.remove("\(node) \(attempt)") }
            send(
                .jobCreationFailed(
                    node: node,
                    attempt: attempt,
                    failure: failure,
                    isRetryable: isRetryable
                )
            )
        case 68..<70: send(.nodeGone(node: node))
        case 70..<72: send(.nodeReadiness(node: node, isReady: Bool.random(using: &random)))
        case 72..<74: send(.pauseRequested)
        case 74..<79: send(.resumeRequested)
        case 79..<81: changeSettings()
        case 81..<84: if isResolved { send(.nodesResolved(plan)) }
        case 84: if Int.random(in: 0..<4, using: &random) == 0 { send(.cancelRequested(reason: "Requested")) }
        case 85..<88: if takesOver { takeOver() }
        case 88..<92: expire()
        default: send(.timer)
        }
    }

    mutating func observe() {
        guard let job = jobs.sorted().randomElement(using: &random) else { return send(.timer) }
        let parts = job.split(separator: " ")
        let ending: TaskRun.ImageFailure? =
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1: .init(cause: .evicted, message: "evicted")
            case 2, 3: .init(cause: .helper, message: "no helper")
            default: nil
            }
        if ending?.cause == .helper { helperEndings += 1 }
        send(
            .jobObserved(
                .init(
                    node: String(parts[0]),
                    attempt: Int(parts[1])!,
                    images: randomImages(final: false),
                    isScheduled: Bool.random(using: &random),
                    ending: ending
                )
            )
        )
    }

    mutating func randomImages(final: Bool) -> [String: TaskRun.ImageObservation] {
        var result: [String: TaskRun.ImageObservation] = [:]
        for image in images where final || Bool.random(using: &random) {
            let cause = FailureCause.allCases.randomElement(using: &random)!
            switch Int.random(in: 0..<5, using: &random) {
            case 0: result[image] = .init(phase: .failed, failure: .init(cause: cause, message: "m"))
            case 1: result[image] = .init(phase: .pulling)
            default: result[image] = .init(phase: .pulled, digest: "sha256:1")
            }
        }
        return result
    }

    mutating func lose() {
        guard let job = jobs.sorted().randomElement(using: &random) else { return }
        jobs.remove(job)
        let parts = job.split(separator: " ")
        send(.jobMissing(node: String(parts[0]), attempt: Int(parts[1])!))
    }

    mutating func expire() {
        guard !inspections.isEmpty else { return }
        let (node, attempt) = inspections.removeFirst()
        send(.attemptExpired(node: node, attempt: attempt))
    }

    mutating func changeSettings() {
        var settings = run.settings
        settings.batchSize = Int.random(in: 1...6, using: &random)
        settings.maxRetries = Int.random(in: 0...3, using: &random)
        settings.timeout = .seconds(Int64.random(in: 20...200, using: &random))
        largestBatch = max(largestBatch, settings.batchSize)
        mostRetries = max(mostRetries, settings.maxRetries)
        send(.settingsChanged(settings))
    }

    mutating func takeOver() {
        guard finished == 0 else { return }
        guard
            let other = TaskRun(
                restoring: run.snapshot(),
                plan: plan,
                failures: run.failures,
                settings: run.settings,
                isPaused: run.isPaused,
                seed: 4
            )
        else { return }
        takeOvers += 1
        run = other
        timer = nil
        inspections = []
        for job in jobs.sorted() {
            let parts = job.split(separator: " ")
            send(.jobFound(node: String(parts[0]), attempt: Int(parts[1])!))
        }
        send(.restored)
    }

    /// Lets everything that is still in work succeed, and time pass, until the task has ended.
    mutating func finish() {
        send(.nodesResolved(plan))
        send(.resumeRequested)
        for _ in 0..<5_000 where terminals.isEmpty {
            for job in jobs.sorted() {
                let parts = job.split(separator: " ")
                let seen = images.map { ($0, TaskRun.ImageObservation(phase: .pulled)) }
                send(
                    .jobObserved(
                        .init(
                            node: String(parts[0]),
                            attempt: Int(parts[1])!,
                            images: Dictionary(uniqueKeysWithValues: seen)
                        )
                    )
                )
            }
            while !inspections.isEmpty { expire() }
            guard terminals.isEmpty else { break }
            now = max(now + .milliseconds(1), timer ?? now + .seconds(1))
            send(.timer)
        }
        send(.terminalAcknowledged)
        for _ in 0..<50 { step() }
    }

    func check() {
        #expect(finished == 1)
        #expect(effectsAfterEnd == 0)
        #expect(!terminals.isEmpty)
        #expect(Set(terminals.map(\.kind)).count == 1, "a take-over publishes the decided outcome")
        if takeOvers == 0 { #expect(terminals.count == 1) }
        #expect(jobs.isEmpty)
        // A node that was put aside for the helper gets another attempt each time its task is resumed.
        for (_, attempts) in attempts where helperEndings == 0 { #expect((attempts.max() ?? 0) <= mostRetries + 1) }
        if let last = terminals.last, last.counts.nodesTotal > 0 {
            #expect(last.counts.finished == last.counts.nodesTotal && last.counts.pulling == 0)
            for node in nodes {
                let ends = nodeEnds[node] ?? 0
                #expect(takeOvers == 0 ? ends == 1 : ends >= 1)
            }
        }
        for (first, second) in zip(progressTimes, progressTimes.dropFirst()) where takeOvers == 0 {
            #expect(second.duration(since: first) >= .milliseconds(500))
        }
    }
}
