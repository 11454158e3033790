import DeploymentSupport
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@Suite("Failing and stopping", .tags(.integration), .timeLimit(.minutes(4)))
struct FailureTests {
    @Test("A wrong password fails its images as Unauthorized; the others are pulled", .needsRegistries(2))
    func wrongPassword() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let registries = try await SharedRegistries.instance.get()
        let wrong: JSONValue = [
            "registry": .string(registries.second.address), "username": .string(registries.second.username),
            "password": "certainly-not-the-password",
        ]
        let task = try await deployment.api.submit([
            "images": [.string(registries.first.private), .string(registries.second.private)],
            "registryCredentials": .array([registries.first.credential, wrong]), "pullPolicy": "Always",
        ])
        let ended = try await deployment.api.waitForEnd(of: task)
        #expect(ended["status"]?.string == "failed")
        let nodes = try await deployment.api.nodes(of: task)
        let chosen = try await deployment.nodes()
        #expect(!chosen.isEmpty && chosen.isSubset(of: nodes.keys))
        for (name, node) in nodes where chosen.contains(name) {
            let images = (node["images"]?.array ?? []).reduce(into: [String: JSONValue]()) {
                $0[$1["image"]?.string ?? ""] = $1
            }
            #expect(images[registries.second.private]?["cause"]?.string == "Unauthorized", "\(name): \(node.text())")
            #expect(
                ["pulled", "present"].contains(
                    images[registries.first.private]?["phase"]?.string ?? images[registries.first.private]?["status"]?
                        .string
                        ?? ""
                ),
                "\(name): \(node.text())"
            )
        }
        #expect(!deployment.log.contains("certainly-not-the-password"))
    }

    @Test("A cancel in the middle: Jobs and Secrets go, one terminal event, one webhook")
    func cancel() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let receiver = try WebhookReceiver()
        defer { receiver.stop() }
        // A registry that takes the request and never answers: the pull lasts until it is cancelled.
        let silent = try ScriptedHTTPServer(then: .hang)
        defer { silent.stop() }
        // Nodes elsewhere are sent to an address that routers drop (RFC 5737).
        let registry = TestTarget.hasLoopback ? "127.0.0.1:\(silent.port)" : "192.0.2.1:5000"
        let task = try await deployment.api.submit([
            "images": [.string("\(registry)/team/app:v1")],
            "registryCredentials": [
                ["registry": .string(registry), "username": "robot", "password": "never-asked-for"]
            ],
            "batchSize": 1, "checks": [], "webhookUrl": .string(receiver.url),
        ])
        try await waitUntil(timeout: .seconds(60), "the task to pull") {
            try await !deployment.objectsLeft(ofTask: task).filter { $0.contains("job") }.isEmpty
        }
        let answer = try await deployment.api.send("DELETE", "/v1/tasks/\(task)")
        #expect(answer.status == 202)
        let ended = try await deployment.api.waitForEnd(of: task)
        #expect(ended["status"]?.string == "cancelled", "\(ended.text())")
        try await waitUntil(timeout: .seconds(30), "Jobs and Secrets to go") {
            try await deployment.objectsLeft(ofTask: task).isEmpty
        }
        try await receiver.waitFor(1)
        let again = try await deployment.api.send("DELETE", "/v1/tasks/\(task)")
        #expect(again.status == 409)
        let endings = ["succeeded", "failed", "cancelled"].map { "dev.longshore.task.\($0).v1" }
        let terminal = try await KafkaTopics.events(of: task, deployment: deployment)
            .filter { event in endings.contains(event.type) }
        #expect(Set(terminal.map(\.id)).count == 1, "\(terminal.map(\.id))")
        #expect(Set(receiver.received.map(\.id)).count == 1)
    }

    @Test("A node that is not there is set aside with a reason, and does not hang the task")
    func unknownNode() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let task = try await deployment.api.submit([
            "images": ["127.0.0.1:9/nothing:1"], "nodes": ["names": ["no-such-node"]], "checks": [],
        ])
        let ended = try await deployment.api.waitForEnd(of: task)
        #expect(ended["status"]?.string != "cancelled")
        let node = try await deployment.api.nodes(of: task)["no-such-node"]
        #expect(node?["state"]?.string == "skipped", "\(ended.text())")
    }
}
