import LongshoreDomain
import LongshoreMessages
import WireFormats

/// One piece of work that is done for each task, node or record, repeated as often as asked: what `Benchmarks/instructions`
/// runs under callgrind. `longshore-instructions NAME TIMES`; without arguments it lists the names.
@main
struct Instructions {
    static let work: [(name: String, run: @Sendable (Int) throws -> Int)] = [
        ("request.parse", repeating { try parse(requestBytes).spec.images.count }),
        ("task.encode", repeating { submitted.map { $0.record.value?.count ?? 0 } ?? 0 }),
        ("task.decode", repeating { try decodeTask() }),
        ("event.encode", repeating { nodeEvent.record.value?.count ?? 0 }),
        ("event.decode", repeating { try decodeEvent() }),
        ("event.structured", repeating { nodeEvent.event.structuredJSON.text().utf8.count }),
        (
            "reference.parse",
            repeating { try references.reduce(0) { $0 + (try ImageReference(parsing: $1).canonical.utf8.count) } }
        ),
        ("nodes.plan", { times in try plan(nodes: times) }),
        ("task.run", { times in try carryOut(nodes: times) }),
    ]

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first, let times = arguments.dropFirst().first.flatMap(Int.init) else {
            for item in work { print(item.name) }
            return
        }
        guard let item = work.first(where: { $0.name == name }) else { throw Unknown(name: name) }
        // Printed, so that nothing of it can be left out as unused.
        print(try item.run(times))
    }

    struct Unknown: Error { let name: String }

    static func repeating(_ body: @escaping @Sendable () throws -> Int) -> @Sendable (Int) throws -> Int {
        { times in
            var sum = 0
            for _ in 0..<times { sum &+= try body() }
            return sum
        }
    }
}

// MARK: - What is worked on

extension Instructions {
    static let images = (1...20).map { "registry.example.com/team/application-\($0):v1.\($0)" }

    static let references = [
        "nginx", "nginx:1.27", "docker.io/library/nginx:1.27", "registry.example.com:5000/team/app:v1",
        "registry.example.com/team/app@sha256:\(String(repeating: "0123456789abcdef", count: 4))",
        "ghcr.io/owner/name:main",
        "[2001:db8::1]:5000/app:v1", "quay.io/organisation/deeply/nested/repository/name:2026-11-21",
    ]

    static let requestBytes: [UInt8] = {
        let request: JSONValue = [
            "images": images.json, "batchSize": 50, "maxRetries": 2, "retryStrategy": "exponential", "priority": 7,
            "nodes": ["matchLabels": ["pool": "gpu"]], "labels": ["team": "research", "release": "v12"],
            "webhookUrl": "https://hooks.example.com/longshore/tasks",
            "registryCredentials": [["registry": "registry.example.com", "secretRef": ["name": "registry-pull"]]],
        ]
        return request.serialized()
    }()

    static func parse(_ bytes: [UInt8]) throws -> TaskRequest {
        try TaskRequest.parse(try JSONValue(parsing: bytes), channel: .http)
    }

    static let time = Timestamp(microsecondsSinceEpoch: 1_795_000_000_123_000)
    static let task = TaskID.v7(at: time, random: [UInt8](0..<10))

    static let submitted: TaskSubmitted? = (try? parse(requestBytes)).map { request in
        let spec = TaskSpec(request: request) { SecretNames.pullSecret(task, scope: $0) }
        return TaskSubmitted(taskID: task, spec: spec, acceptedAt: time, requestHash: [UInt8](0..<32))
    }
    static let taskRecord = submitted?.record

    static func decodeTask() throws -> Int {
        guard let record = taskRecord else { return 0 }
        return try TaskSubmitted(event: CloudEvent(headers: record.headers, value: record.value)).spec.images.count
    }

    static let nodeEvent: TaskEvent = {
        var event = TaskEvent(
            id: EventIdentity.event(task, type: .nodeSucceeded, node: "node-17", attempt: 1),
            type: .nodeSucceeded,
            taskID: task,
            project: "default",
            cluster: "default",
            sequence: 42,
            time: time,
            phase: .pulling,
            counts: TaskCounts(nodesTotal: 1_000, succeeded: 40, failed: 1, skipped: 2, pulling: 50),
            images: images.map {
                EventImage(image: $0, phase: .pulled, digest: "sha256:\(String(repeating: "ab", count: 32))")
            }
        )
        event.node = "node-17"
        event.attempt = 1
        return event
    }()
    static let eventRecord = nodeEvent.record

    static func decodeEvent() throws -> Int {
        try TaskEvent(event: CloudEvent(headers: eventRecord.headers, value: eventRecord.value)).images.count
    }

    static func facts(_ count: Int) -> [NodeFacts] {
        (1...max(1, count)).map { NodeFacts(name: "node-\($0)", labels: ["pool": "gpu", "zone": "zone-\($0 % 3)"]) }
    }

    static func plan(nodes: Int) throws -> Int {
        guard let spec = submitted?.spec else { return 0 }
        return planNodes(spec: spec, facts: facts(nodes)).targets.count
    }

    /// A task over so many nodes, each of which gets one Job that succeeds: all that the state machine has to do for it.
    static func carryOut(nodes: Int) throws -> Int {
        guard let spec = submitted?.spec else { return 0 }
        var run = TaskRun(settings: TaskRun.Settings(spec: spec, from: time), seed: 1)
        var now = time
        var pending = run.handle(.started, at: now)
        pending += run.handle(.nodesResolved(TaskRun.Plan(planNodes(spec: spec, facts: facts(nodes)))), at: now)
        var finished = 0
        var position = 0
        while position < pending.count {
            let effect = pending[position]
            position += 1
            now = now + .milliseconds(1)
            switch effect {
            case .startJob(let start):
                let pulled = start.images.map { ($0, TaskRun.ImageObservation(phase: .pulled)) }
                pending += run.handle(
                    .jobObserved(
                        .init(
                            node: start.node,
                            attempt: start.attempt,
                            images: Dictionary(uniqueKeysWithValues: pulled)
                        )
                    ),
                    at: now
                )
            case .publishTerminal: pending += run.handle(.terminalAcknowledged, at: now)
            case .finish: finished += 1
            default: break
            }
        }
        guard finished == 1, run.counts.succeeded == max(1, nodes) else {
            throw Unfinished(succeeded: run.counts.succeeded)
        }
        return run.counts.succeeded
    }

    struct Unfinished: Error { let succeeded: Int }
}
