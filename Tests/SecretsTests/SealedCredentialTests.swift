import Curl
import DeploymentSupport
import LongshoreDomain
import LongshoreMessages
import Redaction
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

/// Sealed credentials in the hands of somebody who has read them where they pass by.
@Suite("Sealed credentials", .tags(.integration), .timeLimit(.minutes(5)), .serialized)
struct SealedCredentialTests {
    @Test(
        "Moved, changed or sealed for others, over HTTP or Kafka: refused in one way, and nothing is made for them",
        .needsSimulator("starts executors of its own and looks into everything that they made"),
        .needsEmbeddedBroker
    )
    func refused() async throws {
        let fleet = try await Fleet.start(nodes: 1, notifiers: 0)
        let registries = try await SharedRegistries.instance.get()
        let forgery = Forgery(fleet: fleet, registries: registries)
        _ = try await newestKey(fleet)
        let good = try await forgery.seal("good")
        let task = try await fleet.api.submit(forgery.body(good), key: "good")
        let ended = try await fleet.api.waitForEnd(of: task)
        #expect(ended["status"]?.string == "succeeded", "\(ended.text())")

        var tasks: [String] = []
        for (number, forged) in try await forgery.all(of: good).enumerated() {
            if number.isMultiple(of: 2) {
                tasks.append(try await fleet.api.submit(forged.body, key: forged.key))
            } else {
                let project = forged.body["project"]?.string ?? "default"
                try await KafkaTopics.publish(request: forged.body, key: forged.key, deployment: fleet.host)
                tasks.append(TaskIDs.derived(project: project, idempotencyKey: forged.key).text)
            }
        }
        var answers: Set<String> = []
        var shapes: Set<[String]> = []
        for task in tasks {
            let ended = try await fleet.api.waitForEnd(of: task)
            #expect(ended["status"]?.string == "failed", "\(ended.text())")
            let message = ended["message"]?.string ?? ""
            let told = [registries.first.address + "/team", registries.second.address, registries.first.address]
            let plain = told.reduce(message) { $0.replacing($1, with: "…") }
            answers.insert("\(ended["cause"]?.string ?? "") | \(ended["reason"]?.string ?? "") | \(plain)")
            let events = try await KafkaTopics.events(of: task, deployment: fleet.host)
            shapes.insert(Array(Set(events.map(\.type))).sorted())
            #expect(try await fleet.api.nodes(of: task).isEmpty)
        }
        #expect(answers.count == 1, "an answer tells why a box does not open: \(answers)")
        #expect(answers.first?.hasPrefix("Unauthorized | CredentialUnreadable | ") == true)
        #expect(shapes.count == 1, "the events tell why a box does not open: \(shapes)")

        // One Secret and one Job of the task that was in order, and the sealing keys.
        let made = try await Simulator(fleet.host).audit().filter {
            $0["verb"] == "create" && $0["code"]?.integer == 201 && $0["userAgent"] == "longshore-executor"
        }
        #expect(made.count { $0["resource"] == "secrets" } == 2)
        #expect(made.count { $0["resource"] == "jobs" } == 1)
        try await replay(good, task, forgery, fleet)
        await fleet.stop()
    }

    /// What was accepted once is sent again as it is, and with other images.
    private func replay(_ credential: JSONValue, _ task: String, _ forgery: Forgery, _ fleet: Fleet) async throws {
        let headers = [(name: "Idempotency-Key", value: "good")]
        let jobs = try await Simulator(fleet.host).createdJobs()
        let same = try await fleet.api.send(
            "POST",
            "/v1/tasks",
            body: forgery.body(credential).serialized(),
            headers: headers
        )
        #expect(same.status == 202 && same.json["id"]?.string == task)
        #expect(same.response.header("Idempotency-Replayed") == "true")
        var other = forgery.body(credential)
        other["images"] = [.string(forgery.registries.first.public), .string(forgery.registries.first.private)]
        let answer = try await fleet.api.send("POST", "/v1/tasks", body: other.serialized(), headers: headers)
        #expect(answer.status == 409)
        // Without the key there is no telling which task it was sealed for.
        let loose = try await fleet.api.send("POST", "/v1/tasks", body: forgery.body(credential).serialized())
        #expect(loose.status == 422 && loose.json["errors"]?.array?.first?["pointer"] == "/registryCredentials")
        #expect(try await Simulator(fleet.host).createdJobs() == jobs)
    }

    @Test(
        "Keys are rotated with messages in flight: the old one opens until it is retired, the new one is announced",
        .needsSimulator("starts executors of its own and looks into everything that they made"),
        .needsEmbeddedBroker
    )
    func rotation() async throws {
        let fleet = try await Fleet.start(nodes: 1, executors: 2, notifiers: 0)
        let registries = try await SharedRegistries.instance.get()
        let forgery = Forgery(fleet: fleet, registries: registries)
        let members = fleet.members(.executor)
        let old = try await newestKey(fleet)
        var late: JSONValue = [:]
        // Sealed to the old key: one by intake and one by the client, both on their way while nobody reads; one kept for later.
        for member in members { #expect(await member.process.stop(gracePeriod: .seconds(30)) == .exited(0)) }
        let byIntake = try await fleet.api.submit([
            "images": [.string(registries.first.private)], "registryCredentials": [registries.first.credential],
        ])
        let sealed = try await forgery.seal("in-flight")
        let byClient = try await fleet.api.submit(forgery.body(sealed), key: "in-flight")
        late = try await forgery.seal("late")
        let next = SealingKeyPair.generate()
        try await patch(fleet, ["stringData": [next.keyID: .string(Self.entry(next))]])

        // All start with both keys.
        let first = try fleet.restart(members[0])
        try await fleet.waitUntilReady(first)
        for task in [byIntake, byClient] {
            let ended = try await fleet.api.waitForEnd(of: task)
            #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
        }
        try await waitUntil("the new key to be announced") { try await newestKey(fleet) == next.keyID }
        let fresh = try await forgery.seal("fresh")
        #expect(fresh["sealed"]?["keyId"]?.string == next.keyID)
        let afterwards = try await fleet.api.submit(forgery.body(fresh), key: "fresh")
        #expect(try await fleet.api.waitForEnd(of: afterwards)["status"]?.string == "succeeded")

        // A third one, used before the executor that runs has looked for it.
        let third = SealingKeyPair.generate()
        try await patch(fleet, ["stringData": [third.keyID: .string(Self.entry(third))]])
        let early = try forgery.seal("early", to: third.publicKey, keyID: third.keyID)
        let task = try await fleet.api.submit(forgery.body(early), key: "early")
        #expect(try await fleet.api.waitForEnd(of: task)["status"]?.string == "succeeded")

        // Retired: what is still sealed to it is refused as any other box that does not open.
        try await patch(fleet, ["data": [old: .null]])
        #expect(await first.process.stop(gracePeriod: .seconds(30)) == .exited(0))
        try fleet.restart(members[1])
        let tooLate = try await fleet.api.submit(forgery.body(late), key: "late")
        let ended = try await fleet.api.waitForEnd(of: tooLate)
        #expect(ended["status"]?.string == "failed" && ended["reason"]?.string == "CredentialUnreadable")
        try await waitUntil("the retired key to be gone") {
            let known = try await keys(fleet)
            return known.first == third.keyID && !known.contains(old)
        }
        await fleet.stop()
    }

    private static func entry(_ pair: SealingKeyPair) -> String {
        let json: JSONValue = [
            "privateKey": .string(Base64.encode(pair.privateKey.exposeBytes())),
            "createdAt": .string(SystemWallClock().now().rfc3339),
        ]
        return json.text()
    }

    private func patch(_ fleet: Fleet, _ patch: JSONValue) async throws {
        _ = try await fleet.host.kubectl(
            "patch",
            "secret",
            "longshore-sealing-keys",
            "-n",
            "longshore",
            "--type",
            "merge",
            "-p",
            patch.text()
        )
    }

    /// The keys that intake knows of, the newest first.
    private func keys(_ fleet: Fleet) async throws -> [String] {
        let clusters = try await fleet.api.send("GET", "/v1/clusters").json["items"]?.array ?? []
        return clusters.first?["keys"]?.array?.compactMap { $0["keyId"]?.string } ?? []
    }

    private func newestKey(_ fleet: Fleet) async throws -> String {
        try await waitForValue("a sealing key") { try await keys(fleet).first }
    }
}

/// Makes boxes that must not open out of one that does.
private struct Forgery {
    struct Forged {
        var key: String
        var body: JSONValue
    }

    let fleet: Fleet
    let registries: SharedRegistries

    func body(_ credential: JSONValue) -> JSONValue {
        ["images": [.string(registries.first.private)], "registryCredentials": [credential], "pullPolicy": "Always"]
    }

    /// Seals the first registry's credential as a user does.
    func seal(_ key: String) async throws -> JSONValue {
        try await Sealing.seal(registries.first, key: key, deployment: fleet.host, readyFile: fleet.readyFile)
            .credential
    }

    /// Seals it to any key.
    func seal(_ key: String, to publicKey: [UInt8], keyID: String) throws -> JSONValue {
        let scope = try RegistryScope(parsing: registries.first.address)
        let task = TaskIDs.derived(project: "default", idempotencyKey: key)
        let password = SecretBytes(utf8: registries.first.password)
        let box = try Sealer(publicKey: publicKey, keyID: keyID)
            .seal(
                PlainCredential.basic(username: registries.first.username, password: password).sealedForm,
                binding: SealBinding(taskID: task, scope: scope)
            )
        return ["registry": .string(registries.first.address), "sealed": box.json]
    }

    /// Everything that can be done to a box.
    func all(of good: JSONValue) async throws -> [Forged] {
        var forged = [
            // Moved to another task, and to another project under the same key.
            Forged(key: "moved", body: body(good)), Forged(key: "good", body: body(good).with("project", "another")),
        ]
        func add(_ name: String, _ change: (JSONValue) throws -> JSONValue) async throws {
            forged.append(Forged(key: name, body: body(try change(try await seal(name)))))
        }
        // Moved to another registry, and to a part of its own.
        let elsewhere = try await seal("registry").with("registry", .string(registries.second.address))
        forged.append(
            Forged(key: "registry", body: body(elsewhere).with("images", [.string(registries.second.private)]))
        )
        try await add("part") { $0.with("registry", .string(registries.first.address + "/team")) }
        // Sealed to another cluster's key, under its own id and under this cluster's.
        let foreign = SealingKeyPair.generate()
        let known = good["sealed"]?["keyId"]?.string ?? ""
        for (name, id) in [("cluster", foreign.keyID), ("cluster-named", known)] {
            let box = try seal(name, to: foreign.publicKey, keyID: id)
            forged.append(Forged(key: name, body: body(box)))
        }
        try await add("unknown-key") { $0.sealed("keyId", .string("0123456789abcdef")) }
        // Cut short, changed by a bit, mixed of two.
        for field in ["enc", "ciphertext"] {
            try await add("cut-\(field)") { try $0.changing(field) { $0.removeLast() } }
            try await add("long-\(field)") { try $0.changing(field) { $0.append(0) } }
            try await add("bit-\(field)") { try $0.changing(field) { $0[$0.count / 2] ^= 1 } }
            try await add("other-\(field)") { $0.sealed(field, good["sealed"]?[field] ?? .null) }
        }
        return forged
    }
}

extension JSONValue {
    fileprivate func with(_ key: String, _ value: JSONValue) -> JSONValue {
        var copy = self
        copy[key] = value
        return copy
    }

    fileprivate func sealed(_ key: String, _ value: JSONValue) -> JSONValue {
        with("sealed", (self["sealed"] ?? [:]).with(key, value))
    }

    fileprivate func changing(_ field: String, _ change: (inout [UInt8]) -> Void) throws -> JSONValue {
        var bytes = try #require(self["sealed"]?[field]?.string.flatMap { Base64.decode($0) })
        change(&bytes)
        return sealed(field, .string(Base64.encode(bytes)))
    }
}
