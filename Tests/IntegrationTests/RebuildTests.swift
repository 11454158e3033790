import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// `longshore rebuild`: what the read model says comes from the topics, and can come from them again.
@Suite("Rebuilding the read model", .tags(.integration), .timeLimit(.minutes(4)), .serialized)
struct RebuildTests {
    @Test(
        "A read model that was discarded says the same as before, and no webhook is sent again",
        .needsRegistries(),
        .needsEmbeddedBroker
    )
    func discarded() async throws {
        let fleet = try await Fleet.start(nodes: 2)
        let receiver = try WebhookReceiver()
        let tasks = try await work(on: fleet, receiver)
        let before = try await view(of: tasks, fleet)
        let told = receiver.received.count
        let file = fleet.host.folder.appending("postgres-url")
        let refused = try await TestProcess.run(
            TestTarget.binary,
            ["rebuild", "--postgres-url-file", file],
            check: false
        )
        #expect(refused.termination == .exited(1))
        #expect(refused.standardError.contains("Stop all of them first"), "\(refused.standardError)")

        let intake = try #require(fleet.members(.intake).first)
        _ = await intake.process.stop(gracePeriod: .seconds(30))
        let done = try await TestProcess.run(
            TestTarget.binary,
            ["rebuild", "--discard", "true", "--postgres-url-file", file]
        )
        #expect(done.standardOutput.contains("\(tasks.count) tasks discarded"), "\(done.standardOutput)")
        try await expectSame(before, of: tasks, fleet, after: intake)

        // The same without discarding, and by a database that knows nothing at all.
        let again = try #require(fleet.members(.intake).first)
        _ = await again.process.stop(gracePeriod: .seconds(30))
        _ = try await TestProcess.run(TestTarget.binary, ["rebuild", "--postgres-url-file", file])
        try await expectSame(before, of: tasks, fleet, after: again)
        let last = try #require(fleet.members(.intake).first)
        _ = await last.process.stop(gracePeriod: .seconds(30))
        for notifier in fleet.members(.notifier) { _ = await notifier.process.stop(gracePeriod: .seconds(30)) }
        try await fleet.postgres.sql("DROP SCHEMA longshore CASCADE")
        _ = try await TestProcess.run(TestTarget.binary, ["migrate", "--postgres-url-file", file])
        for notifier in fleet.members(.notifier) { try fleet.restart(notifier) }
        try await expectSame(before, of: tasks, fleet, after: last)

        // A task that is new is told of; those that were read again are not.
        let fresh = try await fleet.api.submit(body(await SharedRegistries.instance.get(), receiver))
        _ = try await fleet.api.waitForEnd(of: fresh)
        try await receiver.waitFor(told + 2)
        #expect(Set(receiver.received.dropFirst(told).map { subject($0) }) == [fresh])
        receiver.stop()
        await fleet.stop()
    }

    private func body(_ registries: SharedRegistries, _ receiver: WebhookReceiver) -> JSONValue {
        [
            "images": [.string(registries.first.private)], "registryCredentials": [registries.first.credential],
            "webhookUrl": .string(receiver.url), "webhookEvents": ["task.queued", "task.succeeded", "task.failed"],
        ]
    }

    private func subject(_ webhook: WebhookReceiver.Received) -> String {
        (try? JSONValue(parsing: Array(webhook.body.utf8)))?["subject"]?.string ?? ""
    }

    private func work(on fleet: Fleet, _ receiver: WebhookReceiver) async throws -> [String] {
        let registries = try await SharedRegistries.instance.get()
        let good = body(registries, receiver)
        var wrong = good
        wrong["registryCredentials"] = [
            [
                "registry": .string(registries.first.address), "username": .string(registries.first.username),
                "password": "not-the-password",
            ]
        ]
        var tasks: [String] = []
        for body in [good, wrong, good] { tasks.append(try await fleet.api.submit(body)) }
        for task in tasks { _ = try await fleet.api.waitForEnd(of: task) }
        try await receiver.waitFor(tasks.count * 2)
        return tasks
    }

    /// What a client sees, without what tells when a row was written.
    private func view(of tasks: [String], _ fleet: Fleet) async throws -> [String] {
        var lines: [String] = []
        for task in tasks {
            for path in ["", "/nodes"] {
                let answer = try await fleet.api.send("GET", "/v1/tasks/\(task)\(path)")
                #expect(answer.status == 200)
                lines.append(Self.withoutTimesOfWriting(answer.json).text(sortedKeys: true))
            }
        }
        return lines
    }

    private static func withoutTimesOfWriting(_ json: JSONValue) -> JSONValue {
        switch json {
        case .object(var object):
            object.removeValue(forKey: "updatedAt")
            for key in object.keys { object[key] = object[key].map(withoutTimesOfWriting) }
            return .object(object)
        case .array(let items): return .array(items.map(withoutTimesOfWriting))
        default: return json
        }
    }

    private func expectSame(
        _ before: [String],
        of tasks: [String],
        _ fleet: Fleet,
        after intake: Fleet.Member
    ) async throws {
        let started = try fleet.restart(intake)
        try await fleet.waitUntilReady(started)
        for task in tasks {
            try await waitUntil(timeout: .seconds(60), "\(task) to be there again") {
                let state = try await fleet.api.send("GET", "/v1/tasks/\(task)").json["status"]?.string
                return ["succeeded", "failed"].contains(state)
            }
        }
        let now = try await view(of: tasks, fleet)
        #expect(now.count == before.count)
        for (new, old) in zip(now, before) where new != old {
            Issue.record("it says \(new) and not \(old)")
        }
    }
}
