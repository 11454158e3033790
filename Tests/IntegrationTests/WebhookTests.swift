import DeploymentSupport
import TestSupport
import Testing
import WireFormats

@Suite("Webhooks and events, read with other people's libraries", .tags(.integration), .timeLimit(.minutes(4)))
struct WebhookTests {
    @Test(
        "A webhook's signature holds for the official library, and its body is a CloudEvent",
        .needsPython("standardwebhooks"),
        .needsPython("cloudevents")
    )
    func signature() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let receiver = try WebhookReceiver()
        defer { receiver.stop() }
        let task = try await deployment.api.submit([
            "images": ["127.0.0.1:9/nothing:1"], "nodes": ["names": ["no-such-node"]], "checks": [],
            "webhookUrl": .string(receiver.url),
        ])
        _ = try await deployment.api.waitForEnd(of: task)
        try await receiver.waitFor(1)
        let hook = try #require(receiver.received.first)
        let subject = try await Python.run(
            """
            import sys
            from cloudevents.v1.http import from_json
            from standardwebhooks.webhooks import Webhook
            headers = {"webhook-id": sys.argv[1], "webhook-timestamp": sys.argv[2], "webhook-signature": sys.argv[3]}
            Webhook(sys.argv[5]).verify(sys.argv[4], headers)
            event = from_json(sys.argv[4])
            assert event["specversion"] == "1.0" and event["id"] == sys.argv[1], event
            print(event["subject"], end="")
            """,
            [hook.id, hook.timestamp, hook.signature, hook.body, try await deployment.webhookSecret()]
        )
        #expect(subject == task)
    }

    @Test("A webhook that was delivered is sent again by hand and by range, with the same id and body")
    func redelivery() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let receiver = try WebhookReceiver()
        defer { receiver.stop() }
        let task = try await deployment.api.submit([
            "images": ["127.0.0.1:9/nothing:1"], "nodes": ["names": ["no-such-node"]], "checks": [],
            "webhookUrl": .string(receiver.url), "webhookEvents": ["task.failed"],
        ])
        _ = try await deployment.api.waitForEnd(of: task)
        try await receiver.waitFor(1)
        func delivery() async throws -> JSONValue {
            try await deployment.api.send("GET", "/v1/tasks/\(task)/deliveries").json["items"]?[0] ?? .null
        }
        func waitUntilDelivered(attempt: Int) async throws {
            try await waitUntil("attempt \(attempt) to be recorded") {
                let now = try await delivery()
                return now["state"]?.string == "delivered" && now["attempts"]?.array?.count == attempt
            }
        }
        try await waitUntilDelivered(attempt: 1)
        let id = try #require(try await delivery()["id"]?.string)
        let answer = try await deployment.api.send("POST", "/v1/deliveries/\(id)/redeliver")
        #expect(answer.status == 202 && answer.json["id"]?.string == id)
        try await receiver.waitFor(2)
        try await waitUntilDelivered(attempt: 2)
        let body: JSONValue = ["taskId": .string(task), "states": ["delivered"]]
        let range = try await deployment.api.send("POST", "/v1/deliveries/redeliver", body: body.serialized())
        #expect(range.status == 202 && range.json == ["count": 1, "remaining": 0])
        try await receiver.waitFor(3)
        try await waitUntilDelivered(attempt: 3)
        #expect(Set(receiver.received.map(\.id)) == [id] && Set(receiver.received.map(\.body)).count == 1)
    }

    @Test(
        "Every record on longshore.events is a CloudEvent for the Python SDK, with rising sequences by task",
        .needsPython("confluent_kafka"),
        .needsPython("cloudevents")
    )
    func events() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let task = try await deployment.api.submit([
            "images": ["127.0.0.1:9/nothing:1"], "nodes": ["names": ["no-such-node"]], "checks": [],
        ])
        let ended = try await deployment.api.waitForEnd(of: task)
        let seen = try await Python.run(
            """
            import sys, time
            from confluent_kafka import Consumer, OFFSET_BEGINNING, TopicPartition
            from cloudevents.v1.kafka import KafkaMessage, from_binary
            servers, task = sys.argv[1:]
            consumer = Consumer({"bootstrap.servers": servers, "group.id": "python-" + task, "auto.offset.reset": "earliest",
                "session.timeout.ms": 6000, "fetch.wait.max.ms": 50})
            partitions = consumer.list_topics("longshore.events", 15).topics["longshore.events"].partitions
            consumer.assign([TopicPartition("longshore.events", number, OFFSET_BEGINNING) for number in partitions])
            events, deadline = {}, time.time() + 45
            while time.time() < deadline:
                record = consumer.poll(0.5)
                if record is None or record.error():
                    continue
                event = from_binary(KafkaMessage(headers=dict(record.headers()), key=record.key(), value=record.value()))
                assert event["specversion"] == "1.0" and event["source"].startswith("/projects/"), event
                if event["subject"].split("/")[0] != task:
                    continue
                events[event["sequence"]] = event["type"]
                kinds = [kind.split(".")[-2] for kind in events.values() if ".task." in kind]
                if "queued" in kinds and any(kind in ("succeeded", "failed", "cancelled") for kind in kinds):
                    break
            consumer.close()
            print(",".join(events[sequence] for sequence in sorted(events)), end="")
            """,
            [deployment.kafka, task]
        ).split(separator: ",")
        #expect(seen.first == "dev.longshore.task.queued.v1", "\(seen)")
        #expect(seen.last?.hasSuffix("task.\(ended["status"]?.string ?? "").v1") == true, "\(seen)")
    }
}
