import Curl
import DeploymentSupport
import LongshoreMessages
import RDKafka
import TestSupport
import Testing
import WireFormats

/// A fleet on three brokers that the test holds in its hands.
final class BrokerWorld: Sendable {
    static let partitions = 4

    let cluster: MockCluster
    let fleet: Fleet
    let receiver: WebhookReceiver
    private let registries: SharedRegistries

    /// The one that all tests share; it dies with the test run.
    static func shared() async throws -> BrokerWorld { try await starting.value }
    private static let starting = Task { try await BrokerWorld() }

    private init() async throws {
        cluster = try MockCluster(brokers: 3)
        for definition in Self.definitions {
            try cluster.createTopic(definition.name, partitions: definition.partitions)
        }
        receiver = try WebhookReceiver()
        registries = try await SharedRegistries.instance.get()
        fleet = try await Fleet.start(
            nodes: 2,
            executors: 2,
            hostArguments: ["--kafka", cluster.bootstrapServers]
        )
    }

    static var definitions: [TopicDefinition] {
        Topics.shared(partitions: partitions) + Topics.definitions(cluster: "default", partitions: partitions)
    }

    static var everyPartition: [TopicPartition] {
        definitions.flatMap { topic in
            (0..<Int32(topic.partitions)).map { TopicPartition(topic: topic.name, partition: $0) }
        }
    }

    /// What a task is asked for with.
    func body(_ more: JSONObject = [:]) -> JSONValue {
        var body: JSONObject = [
            "images": [.string(registries.first.private), .string(registries.open.public)],
            "registryCredentials": [registries.first.credential], "pullPolicy": "Always",
            "webhookUrl": .string(receiver.url),
        ]
        for (key, value) in more { body[key] = value }
        return .object(body)
    }

    /// Asks for tasks as a careful client does: with a key each, again until there is an answer.
    func submit(_ count: Int, _ key: String, _ more: JSONObject = [:]) async throws -> [String] {
        try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await waitForValue(timeout: .seconds(90), "\(key) \(number) to be accepted") {
                        try? await self.fleet.api.submit(self.body(more), key: "\(key)-\(number)")
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Waits for the end of tasks and checks that each succeeded once, was told of under one id, and leaves nothing.
    func expectDone(_ tasks: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for task in tasks {
            let ended = try await fleet.api.waitForEnd(of: task, timeout: .seconds(120))
            #expect(ended["status"]?.string == "succeeded", "\(ended.text())", sourceLocation: sourceLocation)
        }
        try await waitUntil(timeout: .seconds(90), "the webhooks of \(tasks)") {
            tasks.allSatisfy { !self.webhooks(of: $0).isEmpty }
        }
        var accounts = Accounts()
        for record in try await KafkaTopics.records(of: Topics.events, deployment: fleet.host) {
            // Some tests put there what is no event.
            try? accounts.note(record)
        }
        for task in tasks {
            #expect(accounts.terminalEvents[task]?.count == 1, "\(task)", sourceLocation: sourceLocation)
            #expect(webhooks(of: task) == accounts.terminalEvents[task], sourceLocation: sourceLocation)
        }
        // What belongs to a task bears its name.
        try await waitUntil(timeout: .seconds(60), "the tasks to leave nothing") {
            let left = try await self.fleet.host.kubectl("get", "jobs,secrets,pods", "-n", "longshore", "-o", "name")
            return !tasks.contains { left.contains($0) }
        }
    }

    /// The ids of the webhooks about a task.
    func webhooks(of task: String) -> Set<String> {
        Set(receiver.received.filter { $0.body.contains("\"\(task)\"") }.map(\.id))
    }

    /// The log of every service so far.
    var logs: String { fleet.members.map(\.process.standardError).joined() }

    /// A service's metrics.
    func metrics(of service: Fleet.Service) async throws -> String {
        var text = ""
        for member in fleet.members(service) {
            let client = try APIClient(base: member.health, token: "")
            let answer = try await client.send("GET", "/metrics")
            await client.close()
            text += String(decoding: answer.response.body, as: UTF8.self)
        }
        return text
    }
}

/// Kafka's numbers of requests and errors.
enum Wire {
    static let produce: Int16 = 0
    static let fetch: Int16 = 1
    static let requests: [Int16] = [0, 1, 3, 8, 10, 11, 12, 14, 22]
    static let transport: Int32 = -195
    static let offsetOutOfRange: Int32 = 1
    static let forbidden: Int32 = 29
    static let outOfOrder: Int32 = 45
}
