import IntakeService
import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import Redaction
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(3)))
struct RequestHandlerTests {
    private func send(
        _ intake: Intake,
        _ request: JSONValue,
        id: String = "r\(UInt64.random(in: .min ... .max))",
        key: String? = nil,
        structured: Bool = false
    ) async throws -> TaskRequested {
        let requested = TaskRequested(eventID: id, source: "/ci", request: request, idempotencyKey: key)
        let record =
            structured
            ? requested.event.structuredKafkaRecord(topic: Topics.requests, key: "k")
            : requested.event.kafkaRecord(topic: Topics.requests, key: "k")
        try await intake.producer.send(record)
        return requested
    }

    private func id(_ requested: TaskRequested, project: String = "default") -> String {
        TaskIDs.derived(project: project, idempotencyKey: requested.idempotencyKey).text
    }

    private func deadLetters(_ intake: Intake, of requested: TaskRequested) async throws -> [ConsumerRecord] {
        try await intake.records(Topics.requestsDeadLetter).filter { record in
            record.headers.contains { $0.name == "ce_id" && $0.value == Array(requested.eventID.utf8) }
        }
    }

    /// What is told of a refused request: it names the place at which its dead letter says that the request stands.
    private func rejection(_ intake: Intake, of requested: TaskRequested) async throws -> TaskEvent {
        try await waitForValue("the rejection") {
            guard let letter = try await deadLetters(intake, of: requested).first else { return nil }
            func origin(_ name: String) -> String? {
                letter.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
            }
            let place = TaskEvent.RequestPlace(
                topic: Topics.requests,
                partition: try #require(origin("longshore-origin-partition").flatMap { Int($0) }),
                offset: try #require(origin("longshore-origin-offset").flatMap { Int64($0) })
            )
            return try await intake.records(Topics.events).compactMap { try? TaskEvent(event: CloudEvent($0)) }
                .first { $0.type == .taskRejected && $0.request == place }
        }
    }

    @Test(arguments: [false, true])
    func `A request from Kafka becomes a task, in either mode`(structured: Bool) async throws {
        let intake = try await Intake.shared()
        let requested = try await send(intake, ["images": ["nginx"], "priority": 9], structured: structured)
        let id = id(requested)
        try await intake.waitForStatus("queued", of: id)
        let task = try await intake.read(id)
        #expect(task["source"]?.string == "kafka")
        #expect(task["priorityClass"]?.string == "high")
        let submitted = try TaskSubmitted(event: #require(try await intake.messages(of: id).first))
        #expect(submitted.source == .kafka)
        #expect(submitted.idempotencyKey == requested.idempotencyKey)
    }

    @Test
    func `The same request sent three times is one task`() async throws {
        let intake = try await Intake.shared()
        let key = "key-\(UInt64.random(in: .min ... .max))"
        let first = try await send(intake, ["images": ["nginx"]], key: key)
        _ = try await send(intake, ["images": ["nginx"]], key: key)
        _ = try await send(intake, ["images": ["nginx"]], key: key)
        let last = try await send(intake, ["images": ["nginx"]])
        try await intake.waitForStatus("queued", of: id(first))
        try await intake.waitForStatus("queued", of: id(last))
        let count = try await intake.pool.query(
            "SELECT count(*) AS n FROM longshore.tasks WHERE idempotency_key = $1",
            [.text(key)]
        )
        #expect(try count[0].int("n") == 1)
        // The same key over HTTP names the same task.
        let answer = try await intake.submit(["images": ["nginx"]], key: key)
        #expect(answer.json["id"]?.string == id(first))
        let conflicting = try await send(intake, ["images": ["redis"]], key: key)
        try await waitUntil("the dead letter") { try await !deadLetters(intake, of: conflicting).isEmpty }
        #expect(try await intake.read(id(first))["status"]?.string == "queued")
    }

    @Test
    func `An invalid request under the key of a task says nothing of that task`() async throws {
        let intake = try await Intake.shared()
        let key = "key-\(UInt64.random(in: .min ... .max))"
        let first = try await send(intake, ["images": ["nginx"]], key: key)
        try await intake.waitForStatus("queued", of: id(first))
        let invalid = try await send(intake, ["images": ["::"]], key: key)
        try await waitUntil("the dead letter") { try await !deadLetters(intake, of: invalid).isEmpty }
        let told = try await intake.records(Topics.events).filter { $0.key == Array(id(first).utf8) }
        #expect(try told.allSatisfy { try TaskEvent(event: CloudEvent($0)).type == .taskQueued })
        #expect(try await intake.read(id(first))["status"]?.string == "queued")
    }

    @Test
    func `A sealed credential is taken, bound to the task`() async throws {
        let intake = try await Intake.shared()
        let key = "key-\(UInt64.random(in: .min ... .max))"
        let task = TaskIDs.derived(project: "default", idempotencyKey: key)
        let scope = try RegistryScope(parsing: "quay.io")
        let secret = PlainCredential.identityToken(SecretBytes(utf8: "t0ken"))
        let box = try Sealer(publicKey: intake.keyPair.publicKey, keyID: intake.keyPair.keyID)
            .seal(secret.sealedForm, binding: SealBinding(taskID: task, scope: scope))
        _ = try await send(
            intake,
            ["images": ["quay.io/a"], "registryCredentials": [["registry": "quay.io", "sealed": box.json]]],
            key: key
        )
        try await intake.waitForStatus("queued", of: task.text)
        let submitted = try TaskSubmitted(event: #require(try await intake.messages(of: task.text).first))
        let credential = try #require(submitted.sealedCredentials.first)
        let opened = try Unsealer(keys: [intake.keyPair]).open(
            credential.box,
            binding: SealBinding(taskID: submitted.taskID, scope: credential.scope)
        )
        #expect(PlainCredential(sealedForm: opened) == secret)
    }

    @Test
    func `An invalid request ends as a dead letter and an event, with every fault`() async throws {
        let intake = try await Intake.shared()
        let requested = try await send(intake, ["images": ["::"], "priority": 99, "nonsense": 1])
        let event = try await rejection(intake, of: requested)
        #expect(event.reason == "InvalidRequest")
        #expect(event.taskID.isRefusal && event.project == "default")
        #expect(Set(event.faults.map(\.pointer)) == ["/images/0", "/priority", "/nonsense"])
        let letters = try await deadLetters(intake, of: requested)
        let letter = try #require(letters.first)
        let faults = try JSONValue(parsing: try #require(letter.headers.first { $0.name == "longshore-faults" }?.value))
        #expect(faults.array?.count == 3)
        #expect(try JSONValue(parsing: #require(letter.value))["priority"] == 99)
        #expect(try await intake.messages(of: id(requested)).isEmpty)
        #expect(try await intake.ask("GET", "/v1/tasks/\(id(requested))").status == 404)
    }

    @Test
    func `A secret in the clear is refused, is kept nowhere else, and its owner is told to change it`() async throws {
        let intake = try await Intake.shared()
        let secret = "pa55-\(UInt64.random(in: .min ... .max))"
        let requested = try await send(
            intake,
            ["images": ["quay.io/a"], "registry": "quay.io", "username": "robot", "password": .string(secret)]
        )
        let event = try await rejection(intake, of: requested)
        #expect(event.reason == "PlaintextCredential")
        #expect(event.message?.contains("change the secret") == true)
        try await waitUntil("the dead letter") { try await !deadLetters(intake, of: requested).isEmpty }
        let letter = try #require(try await deadLetters(intake, of: requested).first)
        #expect(try JSONValue(parsing: #require(letter.value))["password"] == "<redacted>")
        var haystacks = intake.logs.lines
        for topic in [Topics.requestsDeadLetter, Topics.events] + Topics.tasks(cluster: "default") {
            for record in try await intake.records(topic) {
                haystacks.append(String(decoding: record.value ?? [], as: UTF8.self))
                haystacks += record.headers.map { String(decoding: $0.value ?? [], as: UTF8.self) }
            }
        }
        haystacks.append(try await TestProcess.run("pg_dump", ["--data-only", intake.databaseURL]).standardOutput)
        #expect(!haystacks.contains { $0.contains(secret) })
    }

    /// A producer that puts the password everywhere: nothing of it reaches the dead letter, whether the message is a request
    /// that is refused, or no event at all for an attribute that is too long.
    @Test(arguments: [2_000, 100_000])
    func `A dead letter has bounded attributes and a bounded key without the request's secrets`(
        filler: Int
    ) async throws {
        let intake = try await Intake.shared()
        let secret = "pa55-\(UInt64.random(in: .min ... .max))"
        let id = "letter-\(UInt64.random(in: .min ... .max))"
        let requested = TaskRequested(
            eventID: id,
            source: "/ci/\(secret)",
            request: [
                "images": ["quay.io/a"], "registry": "quay.io", "username": "robot", "password": .string(secret),
            ],
            idempotencyKey: "key-\(secret)"
        )
        var record = ProducerRecord(requested.event.kafkaRecord(topic: Topics.requests))
        record.key = Array("\(secret)\(String(repeating: "k", count: 10_000))".utf8)
        record.headers.append(KafkaHeader(name: "ce_note", value: Array("it is \(secret)".utf8)))
        record.headers.append(KafkaHeader(name: "ce_filler", value: [UInt8](repeating: 0x61, count: filler)))
        _ = try await intake.producer.send(record)
        try await waitUntil("the dead letter") { try await !deadLetters(intake, of: requested).isEmpty }
        let letter = try #require(try await deadLetters(intake, of: requested).first)
        #expect((letter.key?.count ?? 0) <= 256)
        #expect(letter.headers.reduce(0) { $0 + ($1.value?.count ?? 0) } < 10_000)
        let parts = [letter.key ?? [], letter.value ?? []] + letter.headers.map { $0.value ?? [] }
        #expect(!parts.contains { String(decoding: $0, as: UTF8.self).contains(secret) })
        #expect(letter.headers.contains { $0.name == "ce_source" && $0.value == Array("/ci/<redacted>".utf8) })
    }

    @Test
    func `Records that are no request do not hold up the next one`() async throws {
        let intake = try await Intake.shared()
        let binary = [KafkaHeader(name: "ce_specversion", value: Array("1.0".utf8))]
        let broken: [ProducerRecord] = [
            ProducerRecord(topic: Topics.requests, key: nil, value: nil, headers: []),
            ProducerRecord(topic: Topics.requests, key: nil, value: [0xFF, 0x00], headers: []),
            ProducerRecord(topic: Topics.requests, key: nil, value: Array("{".utf8), headers: binary),
            ProducerRecord(
                TaskEvent.sample(.taskChecking, of: TaskIDs.derived(project: "p", idempotencyKey: "k"), sequence: 1)
                    .event
                    .kafkaRecord(topic: Topics.requests)
            ),
        ]
        for record in broken { _ = try await intake.producer.send(record) }
        for request: JSONValue in [nil, [], 5, "x", ["images": nil]] { _ = try await send(intake, request) }
        // One in every partition, so that each is known to have been passed.
        for partition in 0..<Int32(3) {
            let requested = TaskRequested(
                eventID: "after-\(partition)-\(UInt64.random(in: .min ... .max))",
                source: "/ci",
                request: ["images": ["nginx"]]
            )
            var record = ProducerRecord(requested.event.kafkaRecord(topic: Topics.requests))
            record.partition = partition
            _ = try await intake.producer.send(record)
            try await intake.waitForStatus("queued", of: id(requested))
        }
        let letters = try await intake.records(Topics.requestsDeadLetter)
        #expect(letters.count >= 8)
    }

    @Test
    func `Producers may ask only for the projects that they are allowed`() async throws {
        let intake = try await Intake(announcesKey: false) { $0.kafkaProjects = ["ci"] }
        let refused = try await send(intake, ["images": ["nginx"], "project": "default"])
        let event = try await rejection(intake, of: refused)
        #expect(event.taskID.isRefusal && event.project == TaskEvent.unassignedProject)
        #expect(event.faults.map(\.pointer) == ["/project"])
        let taken = try await send(intake, ["images": ["nginx"], "project": "ci"])
        try await intake.waitForStatus("queued", of: id(taken, project: "ci"))
        try await intake.stop()
    }

    @Test
    func `Requests wait for Postgres and are taken when it is back`() async throws {
        let server = try await PostgresServer()
        let intake = try await Intake(server: server, announcesKey: false)
        let before = try await send(intake, ["images": ["nginx"]])
        try await intake.waitForStatus("queued", of: id(before))
        await server.stop(.immediate)
        let during = try await send(intake, ["images": ["nginx"]])
        try await waitUntil("the attempt") { intake.logs.lines.contains { $0.contains("could not be written down") } }
        try await server.start()
        try await intake.waitForStatus("queued", of: id(during))
        #expect(try await deadLetters(intake, of: during).isEmpty)
        try await intake.stop()
        await server.stop()
    }
}
