import Curl
import DeploymentSupport
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

/// Topics that are read again from their beginning.
@Suite("Replay", .tags(.integration), .timeLimit(.minutes(5)), .serialized)
struct ReplayTests {
    @Test(
        "Every service reads its topics again: nothing runs twice, no end is told otherwise, no subscriber hears twice",
        .needsSimulator("counts every Job in the simulator's audit"),
        .needsEmbeddedBroker
    )
    func replay() async throws {
        let fleet = try await Fleet.start(nodes: 2, executors: 0)
        let sweeping = ["--sweep-interval-seconds", "1"]
        let executor = try fleet.start(.executor, name: "executor", arguments: sweeping)
        try await fleet.waitUntilReady(executor)
        let receiver = try WebhookReceiver()
        let tasks = try await makeTasks(fleet, webhook: receiver.url)
        let gone = tasks.filter { $0.key != "kept" }.map(\.value)
        try await waitUntil(timeout: .seconds(90), "the ended tasks to be cleared away") {
            let left = try await fleet.host.kubectl("get", "pulltasks", "-n", "longshore", "-o", "name")
            return gone.allSatisfy { !left.contains($0) } && left.contains(tasks["kept"] ?? "?")
        }
        let jobs = try await Simulator(fleet.host).createdJobs()
        let states = try await Self.states(of: tasks, fleet)
        let webhooks = try await receiver.waitForTasks(Array(tasks.values))
        // A short-lived task has expired by the time of the replay; the others are older than a fresh message can be.
        try await Self.waitForAge(of: tasks.values, seconds: 12, fleet)

        let members = fleet.members
        for member in members { #expect(await member.process.stop(gracePeriod: .seconds(30)) == .exited(0)) }
        let topics = Topics.tasks(cluster: "default")
        try await KafkaTopics.rewind("longshore.executor.default", topics, deployment: fleet.host)
        try await KafkaTopics.rewind("longshore.notifier", [Topics.events], deployment: fleet.host)
        _ = try await fleet.postgres.sql("DELETE FROM longshore.consumer_offsets")
        let restarted = try members.map { try fleet.restart($0) }
        for member in restarted { try await fleet.waitUntilReady(member) }
        try await waitUntil(timeout: .seconds(120), "everything to be read again") {
            let isExecuted = try await KafkaTopics.isRead("longshore.executor.default", topics, deployment: fleet.host)
            let isTold = try await KafkaTopics.isRead("longshore.notifier", [Topics.events], deployment: fleet.host)
            return isExecuted && isTold
        }

        let after = try #require(restarted.first { $0.service == .executor })
        let metrics = try await Self.metrics(of: after)
        #expect(metrics["longshore_executor_submissions_total"] ?? 0 >= 5)
        #expect(metrics["longshore_executor_submissions_duplicate_total"] ?? 0 >= 1, "the task that is kept")
        #expect(metrics["longshore_executor_submissions_replayed_total"] ?? 0 >= 4, "those that were cleared away")
        #expect(metrics["longshore_executor_submissions_expired_total"] ?? 0 >= 1, "the task that has expired")
        // A task afterwards goes its way, and with it all that was still on its way has come.
        let more = try await fleet.api.submit(try await Self.body(webhook: receiver.url))
        _ = try await fleet.api.waitForEnd(of: more)
        let told = try await receiver.waitForTasks(tasks.values + [more])

        #expect(try await Simulator(fleet.host).createdJobs() == jobs + 2)
        #expect(try await Self.states(of: tasks, fleet) == states)
        #expect(told.filter { $0.key != more } == webhooks)
        let ids = receiver.received.map(\.id)
        #expect(Set(ids).count == ids.count, "a subscriber was told twice: \(ids)")
        #expect(try await Accounts(of: fleet.host).faults(of: tasks.values + [more]).isEmpty)
        receiver.stop()
        await fleet.stop()
    }

    private static func body(webhook: String, _ more: JSONObject = [:]) async throws -> JSONValue {
        let registry = try await SharedRegistries.instance.get().first
        var body: JSONObject = [
            "images": [.string(registry.private)], "registryCredentials": [registry.credential],
            "pullPolicy": "Always", "webhookUrl": .string(webhook), "ttlSecondsAfterFinished": 1,
        ]
        for (key, value) in more { body[key] = value }
        return .object(body)
    }

    /// Tasks with each kind of end: one whose PullTask stays, and others whose are cleared away.
    private func makeTasks(_ fleet: Fleet, webhook: String) async throws -> [String: String] {
        let registry = try await SharedRegistries.instance.get().first
        let wrong: JSONValue = ["registry": .string(registry.address), "username": "robot-one", "password": "wrong"]
        let bodies: [(String, JSONObject)] = [
            ("kept", ["ttlSecondsAfterFinished": 3_600]), ("succeeded", [:]), ("expired", ["deadlineSeconds": 10]),
            ("failed", ["registryCredentials": [wrong]]),
        ]
        var tasks: [String: String] = [:]
        for (name, more) in bodies {
            let body = try await Self.body(webhook: webhook, more)
            // Until the cluster has announced its key, intake has nothing to seal with.
            tasks[name] = try await waitForValue("\(name) to be accepted") {
                try? await fleet.api.submit(body, key: name)
            }
        }
        for task in tasks.values { _ = try await fleet.api.waitForEnd(of: task) }
        let nodes = ["node-1", "node-2"]
        try await Simulator(fleet.host).slow(nodes, milliseconds: 60_000)
        let cancelled = try await fleet.api.submit(try await Self.body(webhook: webhook), key: "cancelled")
        try await waitUntil(timeout: .seconds(60), "a Job to cancel") {
            try await fleet.host.objectsLeft(ofTask: cancelled).contains { $0.contains("job") }
        }
        #expect(try await fleet.api.send("DELETE", "/v1/tasks/\(cancelled)").status == 202)
        _ = try await fleet.api.waitForEnd(of: cancelled)
        try await Simulator(fleet.host).slow(nodes, milliseconds: 0)
        tasks["cancelled"] = cancelled
        return tasks
    }

    /// What the API says of tasks, without what tells when.
    private static func states(of tasks: [String: String], _ fleet: Fleet) async throws -> [String: String] {
        var states: [String: String] = [:]
        for (name, task) in tasks {
            let json = try await fleet.api.send("GET", "/v1/tasks/\(task)").json
            states[name] =
                "\(json["status"]?.string ?? "") \(json["reason"]?.string ?? "") \(json["finishedAt"]?.string ?? "")"
        }
        return states
    }

    private static func waitForAge(of tasks: some Sequence<String>, seconds: Int, _ fleet: Fleet) async throws {
        let list = tasks.map { "'\($0)'" }.joined(separator: ",")
        try await waitUntil(timeout: .seconds(60), "the tasks to be \(seconds) s old") {
            try await fleet.postgres.sql(
                "SELECT bool_and(accepted_at < now() - interval '\(seconds) s') FROM longshore.tasks WHERE id IN (\(list))"
            ).contains("t")
        }
    }

    /// The counters of a service, by name.
    private static func metrics(of member: Fleet.Member) async throws -> [String: Double] {
        let client = try APIClient(base: member.health, token: "")
        let text = String(decoding: try await client.send("GET", "/metrics").response.body, as: UTF8.self)
        await client.close()
        return text.split(separator: "\n").reduce(into: [:]) { counters, line in
            let parts = line.split(separator: " ")
            guard !line.hasPrefix("#"), parts.count >= 2, let value = Double(parts[1]) else { return }
            counters[String(parts[0].prefix { $0 != "{" }), default: 0] += value
        }
    }
}
