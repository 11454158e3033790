import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

/// Ready means that the next request can be answered, with credentials or without.
@Suite("Readiness of intake", .timeLimit(.minutes(3)))
struct ReadinessTests {
    @Test func `Intake is ready once the announcements were read, with or without executors`() async throws {
        let intake = try await Intake(announcesKey: false)
        try await waitUntil("ready without an executor") { await intake.readiness.faults().isEmpty }
        let body: JSONValue = [
            "images": ["registry.example.com/app:1"],
            "registryCredentials": [["registry": "registry.example.com", "username": "u", "password": "p"]],
        ]
        // Ready, so what is missing is said in a sentence of its own: there is nobody to seal the credential to.
        let refused = try await intake.submit(body)
        #expect(refused.status == 503)
        #expect(refused.json["detail"]?.string?.contains("no key of this cluster's executors is known yet") == true)
        #expect(try await intake.submit(["images": ["nginx"]]).status == 202)
        try await intake.announceKey(cluster: "default")
        #expect(try await intake.submit(body).status == 202)
        try await intake.stop()
    }

    @Test func `Intake is not ready while the announcements cannot be read, or a topic is missing`() async throws {
        let unknownTopic: Int32 = 3
        let intake = try await Intake(announcesKey: false, hides: ["longshore.clusters"])
        try await waitUntil("the reason") {
            let faults = await intake.readiness.faults()
            return faults["kafka"]?.contains("the topic longshore.clusters is missing") == true
                && faults["clusters"] != nil
        }
        intake.cluster.setTopicError("longshore.clusters", 0)
        try await waitUntil("ready") { await intake.readiness.faults().isEmpty }
        intake.cluster.setTopicError("longshore.tasks.default.high", unknownTopic)
        try await waitUntil("the other reason") {
            await intake.readiness.faults()["kafka"]?.contains("longshore.tasks.default.high") == true
        }
        intake.cluster.setTopicError("longshore.tasks.default.high", 0)
        try await waitUntil("ready again") { await intake.readiness.faults().isEmpty }
        try await intake.stop()
    }
}
