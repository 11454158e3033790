import DeploymentSupport
import Logging
import LongshoreMessages
import RDKafka
import TestSupport
import WireFormats

/// Mixed tasks, each asked for as a careful client does: with a key, again until there is an answer.
actor ChaosLoad {
    /// A task that was accepted.
    struct Asked: Sendable {
        /// Its id.
        var id: String
        /// What was asked.
        var kind: Kind
    }

    /// What is asked, and how.
    enum Kind: String, Sendable, CaseIterable {
        case twoRegistries = "two registries, HTTP"
        case sealed = "sealed, Kafka"
        case secretReference = "Secret reference, HTTP"
        case wrongPassword = "wrong password, HTTP"
        case cancelled = "cancelled, HTTP"

        /// How it may end.
        var ends: Set<String> {
            switch self {
            case .twoRegistries, .sealed, .secretReference: ["succeeded"]
            case .wrongPassword: ["failed"]
            case .cancelled: ["cancelled", "succeeded"]
            }
        }
    }

    private let fleet: Fleet
    private let registries: SharedRegistries
    private let receiver: ChaosReceiver
    private let producer: KafkaProducer
    private var random: SeededGenerator
    private var next = 0
    private(set) var asked: [Asked] = []
    /// Passwords that must be found nowhere.
    nonisolated let canary: Canary

    init(fleet: Fleet, receiver: ChaosReceiver, seed: UInt64, canary: Canary) async throws {
        self.fleet = fleet
        self.receiver = receiver
        self.canary = canary
        registries = try await SharedRegistries.instance.get()
        random = SeededGenerator(seed: seed &+ 1)
        producer = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: fleet.host.kafka),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Puts a Secret into the cluster that tasks refer to. It is the user's own and must stay.
    func prepare() async throws {
        let auths: JSONValue = [
            "auths": [
                registries.first.address: [
                    "username": .string(registries.first.username), "password": .string(registries.first.password),
                ]
            ]
        ]
        let secret: JSONValue = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "team-pull", "namespace": "longshore"],
            "type": "kubernetes.io/dockerconfigjson", "stringData": [".dockerconfigjson": .string(auths.text())],
        ]
        _ = try await fleet.host.kubectl("apply", input: secret.text())
    }

    /// Asks for tasks until it is cancelled, a few at a time.
    ///
    /// - Parameter pause: The mean pause between two tasks.
    func run(pause: Duration) async {
        await withTaskGroup { group in
            while !Task.isCancelled {
                let number = next
                next += 1
                let kind = Kind.allCases[number % Kind.allCases.count]
                let wait = Double.random(in: 0.2...1.8, using: &random)
                let cancelAfter = Double.random(in: 0...3, using: &random)
                // Goes on after cancellation: what was begun is asked until it is answered.
                group.addTask { await Task { await self.ask(kind, number, cancelAfter: cancelAfter) }.value }
                try? await Task.sleep(for: pause * wait)
            }
        }
    }

    /// Asks for one task of each kind.
    func askForEach() async {
        for kind in Kind.allCases {
            await ask(kind, next, cancelAfter: 0)
            next += 1
        }
    }

    private func ask(_ kind: Kind, _ number: Int, cancelAfter: Double) async {
        let key = "chaos-\(number)"
        var body: JSONObject = [
            "pullPolicy": "Always", "maxRetries": 10, "retryDelay": 1, "retryMaxDelaySeconds": 2, "batchSize": 3,
            "webhookUrl": .string(receiver.url),
            "webhookEvents": ["task.succeeded", "task.failed", "task.cancelled", "task.rejected"],
        ]
        let image = JSONValue.string(registries.first.private)
        switch kind {
        case .twoRegistries, .cancelled:
            body["images"] = [image, .string(registries.second.private), .string(registries.open.public)]
            body["registryCredentials"] = [registries.first.credential, registries.second.credential]
        case .sealed: body["images"] = [image, .string(registries.open.public)]
        case .secretReference: body["images"] = [["image": image, "secretRef": ["name": "team-pull"]]]
        case .wrongPassword:
            body["images"] = [image]
            body["maxRetries"] = 0
            body["registryCredentials"] = [
                [
                    "registry": .string(registries.first.address), "username": .string(registries.first.username),
                    "password": .string(canary.text),
                ]
            ]
        }
        guard let id = kind == .sealed ? await publish(body, key) : await submit(.object(body), key) else { return }
        asked.append(Asked(id: id, kind: kind))
        if kind == .cancelled { await cancel(id, after: cancelAfter) }
    }

    /// Tries until it works: a client that gives up would have to be told, and none is.
    private func persistently<Value: Sendable>(_ body: () async throws -> Value?) async -> Value? {
        while fleet.host.process.isRunning {
            if let value = try? await body() { return value }
            try? await Task.sleep(for: .milliseconds(300))
        }
        return nil
    }

    private func submit(_ body: JSONValue, _ key: String) async -> String? {
        await persistently { try await self.fleet.api.submit(body, key: key) }
    }

    private func publish(_ body: JSONObject, _ key: String) async -> String? {
        let registry = registries.first
        let sealed = await persistently {
            try await Sealing.seal(registry, key: key, deployment: self.fleet.host, readyFile: self.fleet.readyFile)
        }
        guard let sealed else { return nil }
        var body = body
        body["registryCredentials"] = [sealed.credential]
        let attributes = [
            ("ce_specversion", "1.0"), ("ce_id", key), ("ce_source", "/chaos"),
            ("ce_type", "dev.longshore.task.requested.v1"), ("ce_idempotencykey", key),
            ("content-type", "application/json"),
        ]
        let record = ProducerRecord(
            topic: Topics.requests,
            key: Array(key.utf8),
            value: JSONValue.object(body).serialized(),
            headers: attributes.map { KafkaHeader(name: $0.0, value: Array($0.1.utf8)) }
        )
        _ = await persistently { try await self.producer.send([record]).first?.get() }
        return sealed.task
    }

    private func cancel(_ id: String, after seconds: Double) async {
        try? await Task.sleep(for: .seconds(seconds))
        _ = await persistently { () -> Int? in
            let status = try await self.fleet.api.send("DELETE", "/v1/tasks/\(id)").status
            return (200...299).contains(status) || status == 409 ? status : nil
        }
    }

    /// Ends the producer.
    func stop() async { await producer.close(timeout: .seconds(5)) }
}
