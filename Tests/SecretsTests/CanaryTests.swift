import DeploymentSupport
import LibPQ
import LongshoreMessages
import Redaction
import TestSupport
import Testing
import WireFormats

/// One random password, put wherever a caller can put one, is afterwards found nowhere but in Secrets.
@Suite("A canary", .tags(.integration), .timeLimit(.minutes(4)), .serialized)
struct CanaryTests {
    @Test(
        "is in no log, row, record, event, webhook, metric, answer, object or process",
        .needsSimulator("searches every object and file of the simulated cluster"),
        .needsEmbeddedBroker
    )
    func isNowhere() async throws {
        let canary = Canary()
        let fleet = try await Fleet.start(nodes: 2, executors: 0, intakes: 0, notifiers: 0)
        for service in Fleet.Service.allCases {
            try await fleet.waitUntilReady(fleet.start(service, arguments: ["--log-level", "trace"]))
        }
        let receiver = try WebhookReceiver()
        // A registry that says the password aloud in its own words.
        let talker = try ScriptedHTTPServer(
            then: .respond(
                status: 401,
                headers: [(name: "WWW-Authenticate", value: "Basic realm=\"\(canary.text)\"")],
                body:
                    "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"\(canary.text) is wrong, \(canary.base64)\"}]}"
            )
        )
        var places = Places(canary: canary)
        try await places.addAnswers(
            of: fleet,
            canary: canary,
            talker: "127.0.0.1:\(talker.port)",
            webhook: receiver.url
        )
        try await places.publish(to: fleet, canary: canary)
        try await places.waitForEnds(of: fleet)

        try await places.search.addTopics(of: fleet)
        try await places.search.addDatabase(of: fleet)
        try await places.search.addCluster(of: fleet, tasks: places.tasks)
        try await places.search.addProcesses(of: fleet)
        for webhook in receiver.received { places.search.add("webhook \(webhook.id)", webhook.body) }
        talker.stop()
        receiver.stop()
        await fleet.stop()
        for member in fleet.members {
            places.search.add("log of \(member.name) at its end", member.process.standardError)
        }
        #expect(places.search.searched > 100, "too little was searched to mean anything")
        #expect(places.search.found.isEmpty)
    }
}
