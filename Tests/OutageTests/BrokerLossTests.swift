import DeploymentSupport
import FoundationEssentials
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

/// A broker that forgets what it has acknowledged: found, and told.
@Suite(
    "The broker loses its memory",
    .tags(.integration),
    .timeLimit(.minutes(10)),
    .needsSimulator("ends the broker together with the simulated cluster"),
    .needsEmbeddedBroker
)
struct BrokerLossTests {
    private static func body(_ registries: SharedRegistries, _ receiver: WebhookReceiver) -> JSONValue {
        [
            "images": [.string(registries.open.public)], "pullPolicy": "Always", "webhookUrl": .string(receiver.url),
        ]
    }

    @Test("Tasks that wait when it is killed end as lost, each told of once, and new ones work")
    func killed() async throws {
        let registries = try await SharedRegistries.instance.get()
        let receiver = try WebhookReceiver()
        let first = try await Deployment.start(["--nodes", "2", "--executors", "0"])
        var lost: [String] = []
        for _ in 0..<3 { lost.append(try await first.api.submit(Self.body(registries, receiver))) }
        for task in lost {
            try await waitUntil(timeout: .seconds(60), "\(task) to be queued") {
                try await first.api.send("GET", "/v1/tasks/\(task)").json["status"]?.string == "queued"
            }
        }
        _ = await first.process.killNow()
        let second = try await Deployment.start(
            ["--nodes", "2", "--executors", "1"],
            folder: first.folder,
            postgres: first.postgres
        )
        let fresh = try await second.api.submit(Self.body(registries, receiver))
        #expect(try await second.api.waitForEnd(of: fresh)["status"]?.string == "succeeded")
        for task in lost {
            let end = try await second.api.waitForEnd(of: task, timeout: .seconds(120))
            #expect(end["status"]?.string == "failed")
            #expect(end["reason"]?.string == "MessageLost")
        }
        try await receiver.waitFor(4)
        let accounts = try await Accounts(of: second)
        for task in lost + [fresh] {
            let told = Set(receiver.received.filter { $0.body.contains("\"\(task)\"") }.map(\.id))
            #expect(told.count == 1 && told == accounts.terminalEvents[task])
        }
        #expect(second.log.contains("Kafka has lost an accepted task"))
        #expect(await second.stop() == .exited(0))
        receiver.stop()
        await second.postgres?.stop()
    }

    @Test("What nobody has read when it is stopped in order is written down and carried out after the next start")
    func backlog() async throws {
        let registries = try await SharedRegistries.instance.get()
        let receiver = try WebhookReceiver()
        let first = try await Deployment.start(["--nodes", "2", "--executors", "0"])
        let task = try await first.api.submit(Self.body(registries, receiver))
        try await waitUntil(timeout: .seconds(60), "the task to be queued") {
            try await first.api.send("GET", "/v1/tasks/\(task)").json["status"]?.string == "queued"
        }
        // For the executors that will come, too.
        #expect(try await first.api.send("DELETE", "/v1/tasks/\(task)").status == 202)
        let other = try await first.api.submit(Self.body(registries, receiver))
        #expect(await first.stop() == .exited(0))
        let file = first.folder.appending("dev/kafka-backlog.jsonl")
        #expect(readFile(file).split(separator: "\n").count >= 3)
        // Sealed credentials are in it, and whatever producers have sent.
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.posixPermissions] as? Int == 0o600)

        let second = try await Deployment.start(
            ["--nodes", "2", "--executors", "1"],
            folder: first.folder,
            postgres: first.postgres
        )
        #expect(try await second.api.waitForEnd(of: other)["status"]?.string == "succeeded")
        #expect(try await second.api.waitForEnd(of: task)["status"]?.string == "cancelled")
        try await receiver.waitFor(2)
        #expect(readFile(file).isEmpty)
        let accounts = try await Accounts(of: second)
        #expect(accounts.terminalEvents[task]?.count == 1 && accounts.terminalEvents[other]?.count == 1)
        #expect(await second.stop() == .exited(0))
        receiver.stop()
        await second.postgres?.stop()
    }
}
