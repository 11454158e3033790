import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// The three ways of asking, each with private images of two registries and two accounts.
@Suite("Asking", .tags(.integration), .timeLimit(.minutes(4)))
struct AskingTests {
    @Test("Over HTTP: two registries, two credentials and a public image on every node", .needsRegistries(2))
    func overHTTP() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let registries = try await SharedRegistries.instance.get()
        let images = [registries.first.private, registries.second.private, registries.open.public]
        let task = try await deployment.api.submit([
            "images": .array(images.map { .string($0) }),
            "registryCredentials": .array([registries.first.credential, registries.second.credential]),
            "batchSize": 2,
        ])
        let ended = try await deployment.api.waitForEnd(of: task)
        #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
        let chosen = try await deployment.nodes()
        #expect(!chosen.isEmpty)
        let nodes = try await deployment.api.nodes(of: task)
        #expect(ended[path: "counts", "nodesTotal"]?.integer == nodes.count)
        for name in chosen {
            #expect(nodes[name]?["state"]?.string == "succeeded", "\(name): \(nodes[name]?.text() ?? "")")
            #expect(nodes[name]?["images"]?.array?.count == 3)
        }
        // What a task leaves aside of a cluster of others, it says of the node.
        for (name, node) in nodes where !chosen.contains(name) { #expect(node["state"]?.string == "skipped") }
        try await expectNothingLeft(of: task, in: deployment)
    }

    @Test("Over Kafka with a sealed credential, published by kcat", .needsRegistries(), .needsProgram("kcat"))
    func overKafka() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let registries = try await SharedRegistries.instance.get()
        let key = "kcat-\(UInt32.random(in: 0...UInt32.max))"
        let sealed = try await Sealing.seal(registries.first, key: key, deployment: deployment)
        let body = NodeChoice.chosen.applied(to: [
            "images": [.string(registries.first.private)], "registryCredentials": [sealed.credential],
        ])
        let file = try deployment.folder.write("\(key).json", body.text())
        _ = try await TestProcess.run(
            "kcat",
            [
                "-P", "-b", deployment.kafka, "-t", "longshore.requests", "-k", key, "-H", "ce_specversion=1.0", "-H",
                "ce_id=\(key)", "-H", "ce_source=/tests", "-H", "ce_type=dev.longshore.task.requested.v1", "-H",
                "ce_idempotencykey=\(key)", "-H", "content-type=application/json", file,
            ]
        )
        let ended = try await deployment.api.waitForEnd(of: sealed.task)
        #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
        try await expectNothingLeft(of: sealed.task, in: deployment)
    }

    @Test(
        "Over Kafka in structured mode, published by confluent-kafka",
        .needsRegistries(),
        .needsPython("confluent_kafka")
    )
    func overKafkaStructured() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let registries = try await SharedRegistries.instance.get()
        let key = "confluent-\(UInt32.random(in: 0...UInt32.max))"
        let sealed = try await Sealing.seal(registries.second, key: key, deployment: deployment)
        let event: JSONValue = [
            "specversion": "1.0", "id": .string(key), "source": "/tests", "type": "dev.longshore.task.requested.v1",
            "idempotencykey": .string(key), "datacontenttype": "application/json",
            "data": NodeChoice.chosen.applied(to: [
                "images": [.string(registries.second.private)], "registryCredentials": [sealed.credential],
            ]),
        ]
        _ = try await Python.run(
            """
            import sys
            from confluent_kafka import Producer
            producer = Producer({"bootstrap.servers": sys.argv[1], "enable.idempotence": True})
            failed = []
            producer.produce("longshore.requests", key="k", value=sys.argv[2].encode(),
                headers=[("content-type", b"application/cloudevents+json; charset=UTF-8")],
                on_delivery=lambda error, _: failed.append(error) if error else None)
            left = producer.flush(30)
            sys.exit(1 if failed or left else 0)
            """,
            [deployment.kafka, event.text()]
        )
        let ended = try await deployment.api.waitForEnd(of: sealed.task)
        #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
    }

    @Test(
        "With kubectl: an applied PullTask is worked on, shown, and its credential is a Secret of the namespace",
        .needsRegistries()
    )
    func overKubectl() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let registries = try await SharedRegistries.instance.get()
        let name = "applied-\(UInt32.random(in: 0...UInt32.max))"
        _ = try await TestProcess.run(
            "kubectl",
            [
                "--kubeconfig", deployment.kubeconfig, "-n", deployment.namespace, "create", "secret",
                "docker-registry", name,
                "--docker-server", registries.first.address, "--docker-username", registries.first.username,
                "--docker-password", registries.first.password,
            ]
        )
        _ = try await deployment.kubectl(
            "apply",
            input: """
                apiVersion: longshore.dev/v1
                kind: PullTask
                metadata:
                  name: \(name)
                  namespace: \(deployment.namespace)
                spec:
                  nodes: \((NodeChoice.chosen.nodes ?? [:]).text())
                  images:
                  - image: \(registries.first.private)
                    secretRef:
                      name: \(name)
                  batchSize: 5
                """
        )
        let phase = try await waitForValue(timeout: .seconds(90), "the PullTask to end") {
            let phase = try await deployment.kubectl(
                "get",
                "pt",
                name,
                "-n",
                deployment.namespace,
                "-o",
                "jsonpath={.status.phase}"
            )
            return ["succeeded", "failed", "rejected"].contains(phase.lowercased()) ? phase.lowercased() : nil
        }
        #expect(phase == "succeeded")
        let table = try await deployment.kubectl("get", "pt", name, "-n", deployment.namespace)
        #expect(table.lowercased().contains("succeeded"), "\(table)")
        let described = try await deployment.kubectl("describe", "pt", name, "-n", deployment.namespace)
        #expect(described.contains("Phase:"))
        // The Secret is the user's own: it stays.
        #expect(
            try await deployment.kubectl("get", "secret", name, "-n", deployment.namespace, "-o", "name").contains(name)
        )
        _ = try await deployment.kubectl("delete", "pt", name, "-n", deployment.namespace, "--timeout=30s")
    }

    @Test("A body written for an earlier prewarm service works as it stands", .needsRegistries())
    func earlierBody() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let registries = try await SharedRegistries.instance.get()
        let task = try await deployment.api.submit([
            "images": [.string(registries.first.private)], "batchSize": 10, "priority": 5, "nodeSelector": [:],
            "maxRetries": 3, "retryStrategy": "linear", "retryDelay": 30, "webhookUrl": "http://127.0.0.1:9/hook",
            "registry": .string(registries.first.address), "username": .string(registries.first.username),
            "password": .string(registries.first.password),
        ])
        let ended = try await deployment.api.waitForEnd(of: task)
        #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
    }

    @Test("The same key names the same task; with another body it is refused")
    func idempotency() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let key = "same-\(UInt32.random(in: 0...UInt32.max))"
        let body: JSONValue = ["images": ["127.0.0.1:9/nothing:1"], "nodes": ["names": ["no-such-node"]]]
        let first = try await deployment.api.submit(body, key: key)
        let second = try await deployment.api.submit(body, key: key)
        #expect(first == second)
        let other: JSONValue = ["images": ["127.0.0.1:9/other:1"], "nodes": ["names": ["no-such-node"]]]
        let answer = try await deployment.api.send(
            "POST",
            "/v1/tasks",
            body: other.serialized(),
            headers: [(name: "Idempotency-Key", value: key)]
        )
        #expect(answer.status == 409)
    }

    private func expectNothingLeft(of task: String, in deployment: Deployment) async throws {
        try await waitUntil(timeout: .seconds(30), "Jobs, Pods and Secrets of \(task) to go") {
            try await deployment.objectsLeft(ofTask: task).isEmpty
        }
    }
}
