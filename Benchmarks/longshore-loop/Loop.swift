import ArgumentParser
import FoundationEssentials
import KubernetesAPI
import Logging
import Synchronization
import WireFormats

/// The limit of an executor: creates, watches and deletes Jobs over the same client, and does nothing else.
@main
struct Loop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "longshore-loop")

    @Option(help: "Kubeconfig of the cluster.")
    var kubeconfig: String

    @Option(help: "File with a Job as the executor makes it, in JSON; its name and node are replaced.")
    var job: String

    @Option(help: "How many nodes there are, named node-1 and so on; each gets one Job.")
    var nodes: Int

    @Option(help: "Jobs at once.")
    var window: Int

    @Option(help: "Requests for Jobs in flight.")
    var concurrency = 32

    func run() async throws {
        let client = try KubernetesClient(
            configuration: try await KubernetesConfiguration.load(kubeconfig: kubeconfig),
            logger: Logger(label: "loop") { _ in SwiftLogNoOpLogHandler() }
        )
        let text = try String(contentsOf: URL(filePath: job), encoding: .utf8)
        let template = try Job(json: JSONValue(parsing: Array(text.utf8)))
        let ends = Ends()
        var options = ListOptions()
        options.labelSelector = "longshore.dev/loop=true"
        let watching = Task { [options] in
            for try await event in client.watch(Job.self, options) {
                guard let job = event.object, let name = job.metadata.name, job.isFinished else { continue }
                ends.finish(name)
            }
        }
        let begin = ContinuousClock.now
        let requests = Slots(concurrency)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...nodes {
                if number > window { try await group.next() }
                group.addTask { try await Self.carryOut(template, number, client, ends, requests) }
            }
            try await group.waitForAll()
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        watching.cancel()
        await client.close()
        print("{\"jobs\": \(nodes), \"seconds\": \(seconds)}")
    }

    private static func carryOut(
        _ template: Job,
        _ number: Int,
        _ client: KubernetesClient,
        _ ends: Ends,
        _ requests: Slots
    ) async throws {
        let name = "loop-\(number)"
        let job = template.copy(name: name, node: "node-\(number)")
        try await requests.use { try await client.create(job) }
        await ends.wait(for: name)
        try await requests.use {
            try await client.delete(Job.self, name: name, namespace: template.metadata.namespace)
        }
    }
}

extension Job {
    fileprivate var isFinished: Bool {
        status.conditions.contains { ["Complete", "Failed"].contains($0.type) && $0.status == .true }
    }

    /// The Job under another name, for another node: that is replaced wherever the executor has written one.
    fileprivate func copy(name: String, node: String) -> Job {
        var job = self
        job.metadata = ObjectMeta(
            name: name,
            namespace: metadata.namespace,
            labels: metadata.labels.merging(["longshore.dev/loop": "true"]) { $1 },
            annotations: metadata.annotations
        )
        if let template = try? PodTemplate(json: spec.template.json.replacing("node-1", by: node)) {
            job.spec.template = template
        }
        return job
    }
}

extension JSONValue {
    fileprivate func replacing(_ text: String, by other: String) -> JSONValue {
        switch self {
        case .string(text): .string(other)
        case .array(let items): .array(items.map { $0.replacing(text, by: other) })
        case .object(let object):
            .object(JSONObject(object.map { ($0.key, $0.value.replacing(text, by: other)) }))
        default: self
        }
    }
}

/// Tells those who wait for a Job that it has finished.
private final class Ends: Sendable {
    private enum Entry {
        case finished
        case waiting(CheckedContinuation<Void, Never>)
    }

    private let entries = Mutex<[String: Entry]>([:])

    func finish(_ name: String) {
        let waiter = entries.withLock { entries -> CheckedContinuation<Void, Never>? in
            guard case .waiting(let continuation) = entries.updateValue(.finished, forKey: name) else { return nil }
            return continuation
        }
        waiter?.resume()
    }

    func wait(for name: String) async {
        await withCheckedContinuation { continuation in
            let isFinished = entries.withLock { entries in
                if case .finished = entries[name] { return true }
                entries[name] = .waiting(continuation)
                return false
            }
            if isFinished { continuation.resume() }
        }
    }
}

/// As many requests at once as an executor has.
private actor Slots {
    private var free: Int
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func use<Result: Sendable>(_ body: @Sendable () async throws -> Result) async rethrows {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiters.append($0) } }
        defer { release() }
        _ = try await body()
    }

    private func release() {
        if waiters.isEmpty { free += 1 } else { waiters.removeFirst().resume() }
    }
}
