import DeploymentSupport
import Glibc
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

/// The same request again, from wherever and whenever.
@Suite("Idempotency", .tags(.integration), .timeLimit(.minutes(5)), .serialized)
struct IdempotencyTests {
    @Test(
        "One key on many connections at once, over HTTP and Kafka, is one task with one answer; another body is a conflict",
        .needsSimulator("counts every Job in the simulator's audit"),
        .needsEmbeddedBroker
    )
    func concurrently() async throws {
        let fleet = try await Fleet.start(nodes: 2, executors: 2, notifiers: 0)
        let registries = try await SharedRegistries.instance.get()
        let body: JSONValue = ["images": [.string(registries.open.public)], "pullPolicy": "Always"]
        let expected = TaskIDs.derived(project: "default", idempotencyKey: "at-once").text
        let answers = try await withThrowingTaskGroup(of: [APIClient.Answer].self) { group in
            for number in 0..<16 {
                group.addTask {
                    // A client of its own is a connection of its own.
                    let client = try APIClient(base: fleet.http, token: fleet.host.token)
                    var answers: [APIClient.Answer] = []
                    for _ in 0..<4 { answers.append(try await Self.submit(body, "at-once", client)) }
                    await client.close()
                    if number.isMultiple(of: 4) {
                        try await KafkaTopics.publish(request: body, key: "at-once", deployment: fleet.host)
                    }
                    return answers
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(answers.count == 64)
        for answer in answers { #expect(answer.status == 202 && answer.json["id"]?.string == expected) }
        let rows = try await fleet.api.send("GET", "/v1/tasks").json["items"]?.array
        #expect(rows?.count == 1)

        try await expectConflicts(body, key: "at-once", task: expected, fleet)
        #expect(try await fleet.api.waitForEnd(of: expected)["status"]?.string == "succeeded")
        try await expectConflicts(body, key: "at-once", task: expected, fleet)
        try await expectOneRun(of: expected, nodes: 2, fleet)
        await fleet.stop()
    }

    @Test(
        "Intake is killed between Postgres and Kafka: the same key is the same task, which is done once",
        .needsSimulator("counts every Job in the simulator's audit"),
        .needsEmbeddedBroker
    )
    func afterCrash() async throws {
        let fleet = try await Fleet.start(nodes: 2, executors: 1, notifiers: 0)
        let registries = try await SharedRegistries.instance.get()
        let body: JSONValue = ["images": [.string(registries.open.public)], "pullPolicy": "Always"]
        let expected = TaskIDs.derived(project: "default", idempotencyKey: "crash").text
        // The broker answers nobody; what is sent to it stays in the sockets, to be read or not when it wakes.
        fleet.host.process.signal(SIGSTOP)
        let asked = Task { try? await fleet.api.submit(body, key: "crash") }
        try await waitUntil("the row without a message") {
            try await fleet.postgres.sql("SELECT phase FROM longshore.tasks WHERE id = '\(expected)'")
                .contains("accepting")
        }
        let intake = fleet.members(.intake)[0]
        #expect(await intake.process.killNow() == .signalled(9))
        #expect(await asked.value == nil)
        fleet.host.process.signal(SIGCONT)
        try fleet.restart(intake)
        let accepted = try await waitForValue(timeout: .seconds(60), "the task to be accepted") {
            let answer = try? await Self.submit(body, "crash", fleet.api)
            return answer?.status == 202 ? answer : nil
        }
        #expect(accepted.json["id"]?.string == expected)
        #expect(try await Self.submit(body, "crash", fleet.api).json["id"]?.string == expected)
        try await expectConflicts(body, key: "crash", task: expected, fleet)
        #expect(try await fleet.api.waitForEnd(of: expected)["status"]?.string == "succeeded")
        try await expectOneRun(of: expected, nodes: 2, fleet)
        await fleet.stop()
    }

    private static func submit(_ body: JSONValue, _ key: String, _ api: APIClient) async throws -> APIClient.Answer {
        try await api.send(
            "POST",
            "/v1/tasks",
            body: body.serialized(),
            headers: [(name: "Idempotency-Key", value: key)]
        )
    }

    /// Other requests under the key: in order, and not in order; the task that has the key must not notice.
    private func expectConflicts(_ body: JSONValue, key: String, task: String, _ fleet: Fleet) async throws {
        let letters = try await KafkaTopics.records(of: Topics.requestsDeadLetter, deployment: fleet.host).count
        var other = body
        other["priority"] = 9
        #expect(try await Self.submit(other, key, fleet.api).status == 409)
        var wrong = body
        wrong["images"] = ["::"]
        #expect(try await Self.submit(wrong, key, fleet.api).status == 422)
        for request in [other, wrong] {
            try await KafkaTopics.publish(request: request, key: key, deployment: fleet.host)
        }
        try await waitUntil(timeout: .seconds(60), "two dead letters") {
            try await KafkaTopics.records(of: Topics.requestsDeadLetter, deployment: fleet.host).count == letters + 2
        }
        let events = try await KafkaTopics.events(of: task, deployment: fleet.host)
        #expect(
            !events.contains { $0.type == "dev.longshore.task.rejected.v1" },
            "a refusal was told as the task's end"
        )
    }

    private func expectOneRun(of task: String, nodes: Int, _ fleet: Fleet) async throws {
        #expect(try await Accounts(of: fleet.host).faults(of: [task]).isEmpty)
        #expect(try await Simulator(fleet.host).createdJobs() == nodes)
        try await waitUntil(timeout: .seconds(60), "\(task) to leave nothing") {
            try await fleet.host.objectsLeft(ofTask: task).isEmpty
        }
    }
}
