import DeploymentSupport
import LongshoreDomain
import LongshoreMessages
import RDKafka
import TestSupport
import Testing
import WireFormats

/// References to Secrets that a project may not use.
@Suite("References to Secrets", .tags(.integration), .timeLimit(.minutes(4)), .serialized)
struct SecretReferenceTests {
    @Test(
        "To another namespace, to another project's Secret or to Longshore's own: refused before anything is made",
        .needsSimulator("reads in the simulator's audit which Secrets were asked for"),
        .needsEmbeddedBroker
    )
    func refused() async throws {
        let fleet = try await Fleet.start(nodes: 1, notifiers: 0)
        let registries = try await SharedRegistries.instance.get()
        try await makeSecrets(fleet, registries)
        try await refuseAtOnce(fleet, registries)
        try await refuseByOwner(fleet, registries)
        try await refusePullTasks(fleet, registries)
        // Not one PullTask, Job or Secret was made, and no other namespace was looked into.
        let calls = try await Simulator(fleet.host).audit().filter { $0["userAgent"] == "longshore-executor" }
        #expect(!calls.contains { $0["verb"] == "create" && ["pulltasks", "jobs"].contains($0["resource"]) })
        #expect(calls.count { $0["verb"] == "create" && $0["resource"] == "secrets" } == 1, "the sealing keys alone")
        #expect(calls.allSatisfy { $0["resource"] != "secrets" || $0["namespace"] == "longshore" })

        // Those that it is for may use it, and what names no project is for all.
        for (project, name) in [("team-b", "team-b"), ("team-c", "shared"), ("team-b", "open")] {
            let task = try await fleet.api.submit(body(registries, name, project: project))
            let ended = try await fleet.api.waitForEnd(of: task)
            #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
        }
        await fleet.stop()
    }

    @Test(
        "With the operator's wish a Secret is for the projects alone that it names",
        .needsSimulator("reads in the simulator's audit which Secrets were asked for"),
        .needsEmbeddedBroker
    )
    func strict() async throws {
        let fleet = try await Fleet.start(nodes: 1, executors: 0, notifiers: 0)
        let registries = try await SharedRegistries.instance.get()
        try await fleet.waitUntilReady(fleet.start(.executor, arguments: ["--secrets-need-project", "true"]))
        try await makeSecrets(fleet, registries)
        let refused = try await fleet.api.submit(body(registries, "open", project: "team-b"))
        try await expectRefused(refused, fleet)
        let task = try await fleet.api.submit(body(registries, "team-b", project: "team-b"))
        #expect(try await fleet.api.waitForEnd(of: task)["status"]?.string == "succeeded")
        await fleet.stop()
    }

    /// What can be seen in the request itself: the same answer over HTTP and Kafka, and no task that is worked on.
    private func refuseAtOnce(_ fleet: Fleet, _ registries: SharedRegistries) async throws {
        let own = "pull-\(TaskIDs.derived(project: "team-b", idempotencyKey: "theirs"))-0123abcd"
        let references: [(JSONValue, pointer: String, code: String)] = [
            (["name": "team-b", "namespace": "team-b"], "/registryCredentials/0/secretRef/namespace", "unknownField"),
            (["name": "kube-system/team-b"], "/registryCredentials/0/secretRef/name", "invalidValue"),
            (["name": "longshore-sealing-keys"], "/registryCredentials/0/secretRef/name", "notAllowed"),
            (["name": .string(own)], "/registryCredentials/0/secretRef/name", "notAllowed"),
        ]
        for (number, (reference, pointer, code)) in references.enumerated() {
            let body: JSONValue = [
                "images": [.string(registries.first.private)],
                "registryCredentials": [
                    ["registry": .string(registries.first.address), "secretRef": reference]
                ],
            ]
            let answer = try await fleet.api.send("POST", "/v1/tasks", body: body.serialized())
            let fault = answer.json["errors"]?.array?.first
            #expect(answer.status == 422 && answer.json["errors"]?.array?.count == 1, "\(answer.json.text())")
            #expect(fault?["pointer"]?.string == pointer && fault?["code"]?.string == code)
            let key = "reference-\(number)"
            try await KafkaTopics.publish(request: body, key: key, deployment: fleet.host)
            let record = try #require(
                try await KafkaTopics.records(of: Topics.requests, deployment: fleet.host)
                    .first { $0.key == Array(key.utf8) }
            )
            let refusal = TaskIDs.refusal(
                topic: record.topicPartition.topic,
                partition: record.topicPartition.partition,
                offset: record.offset,
                timestampMilliseconds: record.timestampMilliseconds
            ).text
            let event = try await waitForValue("the refusal of \(key)") {
                try await KafkaTopics.events(of: refusal, deployment: fleet.host).first
            }
            #expect(event.type == "dev.longshore.task.rejected.v1")
            #expect(event.data?["faults"]?.array?.first?["detail"] == fault?["detail"])
        }
        // What was refused over Kafka can be read as such, and nothing else has come of it.
        let rows = try await fleet.api.send("GET", "/v1/tasks").json["items"]?.array ?? []
        #expect(rows.allSatisfy { $0["status"]?.string == "rejected" }, "\(rows)")
    }

    /// What only the cluster knows.
    private func refuseByOwner(_ fleet: Fleet, _ registries: SharedRegistries) async throws {
        for (number, name) in ["team-b", "shared"].enumerated() {
            let task = try await fleet.api.submit(body(registries, name, project: "default"))
            try await expectRefused(task, fleet)
            let key = "owner-\(number)"
            try await KafkaTopics.publish(
                request: body(registries, name, project: "default"),
                key: key,
                deployment: fleet.host
            )
            try await expectRefused(TaskIDs.derived(project: "default", idempotencyKey: key).text, fleet)
        }
        let byImage = try await fleet.api.submit([
            "images": [["image": .string(registries.first.private), "secretRef": ["name": "team-b"]]]
        ])
        try await expectRefused(byImage, fleet)
    }

    private func expectRefused(_ task: String, _ fleet: Fleet) async throws {
        let ended = try await waitForValue(timeout: .seconds(60), "\(task) to be refused") {
            let answer = try await fleet.api.send("GET", "/v1/tasks/\(task)")
            return answer.json["status"]?.string == "rejected" ? answer.json : JSONValue?.none
        }
        #expect(ended["reason"]?.string == "SecretNotAllowed", "\(ended.text())")
        #expect(ended["message"]?.string?.contains("or send the credential with the task") == true, "\(ended.text())")
    }

    private func refusePullTasks(_ fleet: Fleet, _ registries: SharedRegistries) async throws {
        let references: [(String, reference: JSONValue, reason: String, text: String)] = [
            ("theirs", ["name": "team-b"], "SecretNotAllowed", "or send the credential with the task"),
            ("keys", ["name": "longshore-sealing-keys"], "InvalidSpec", "with your credential"),
        ]
        func pullTask(_ name: String, _ reference: JSONValue) -> String {
            let json: JSONValue = [
                "apiVersion": "longshore.dev/v1", "kind": "PullTask",
                "metadata": ["name": .string(name), "namespace": "longshore"],
                "spec": ["images": [["image": .string(registries.first.private), "secretRef": reference]]],
            ]
            return json.text()
        }
        // Another namespace cannot even be written down: the API server does not know the field.
        let elsewhere = pullTask("elsewhere", ["name": "open", "namespace": "team-b"])
        do {
            _ = try await fleet.host.kubectl("apply", input: elsewhere)
            Issue.record("a Secret of another namespace was taken")
        } catch {
            #expect("\(error)".contains("unknown field \"spec.images[0].secretRef.namespace\""), "\(error)")
        }
        for (name, reference, reason, text) in references {
            _ = try await fleet.host.kubectl("apply", input: pullTask(name, reference))
            let path = "jsonpath={.status.phase} {.status.conditions[?(@.type==\"Accepted\")]}"
            let told = try await waitForValue(timeout: .seconds(60), "\(name) to be rejected") {
                let text = try await fleet.host.kubectl("get", "pt", name, "-n", "longshore", "-o", path)
                return text.hasPrefix("rejected ") ? text : nil
            }
            #expect(told.contains("\"reason\":\"\(reason)\"") && told.contains(text), "\(told)")
        }
    }

    private func body(_ registries: SharedRegistries, _ secret: String, project: String) -> JSONValue {
        [
            "images": [.string(registries.first.private)], "project": .string(project), "pullPolicy": "Always",
            "registryCredentials": [
                ["registry": .string(registries.first.address), "secretRef": ["name": .string(secret)]]
            ],
        ]
    }

    /// One for a project, one for several, one for all; each holds the right credential.
    private func makeSecrets(_ fleet: Fleet, _ registries: SharedRegistries) async throws {
        let account: JSONValue = [
            "username": .string(registries.first.username), "password": .string(registries.first.password),
        ]
        let content: JSONValue = ["auths": [registries.first.address: account]]
        let secrets: [(name: String, labels: JSONValue, annotations: JSONValue)] = [
            ("team-b", ["longshore.dev/project": "team-b"], [:]),
            ("shared", [:], ["longshore.dev/projects": "team-a, team-c"]), ("open", [:], [:]),
        ]
        for secret in secrets {
            let manifest: JSONValue = [
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": [
                    "name": .string(secret.name), "namespace": "longshore", "labels": secret.labels,
                    "annotations": secret.annotations,
                ],
                "stringData": [".dockerconfigjson": .string(content.text())],
            ]
            _ = try await fleet.host.kubectl("apply", input: manifest.text())
        }
    }
}
