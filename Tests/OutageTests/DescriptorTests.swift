import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// A process that may open few files and connections, and clients that use up as many as they get.
@Suite("Few descriptors", .serialized, .timeLimit(.minutes(10)))
struct DescriptorTests {
    @Test("Intake with 160 descriptors outlives idle connections to both of its ports, serves meanwhile, and goes on")
    func fewDescriptors() async throws {
        let fleet = try await Fleet.start(executors: 0, intakes: 0, notifiers: 0)
        let intake = try fleet.start(.intake, openFiles: 160)
        try await fleet.waitUntilReady(intake)
        let health = try #require(Int(intake.health.split(separator: ":").last ?? ""))
        let port = try #require(Int(fleet.http.split(separator: ":").last ?? ""))
        let idle = try (0..<150).map { _ in try RawConnection(port: health) }
        let answers = try await withThrowingTaskGroup(of: [Int].self) { group in
            for client in 0..<6 {
                group.addTask {
                    var statuses: [Int] = []
                    for number in 0..<20 {
                        let body: JSONValue = ["images": [.string("nginx:\(client)-\(number)")]]
                        statuses.append(try await fleet.api.send("POST", "/v1/tasks", body: body.serialized()).status)
                    }
                    return statuses
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(answers.count == 120)
        #expect(answers.allSatisfy { $0 == 202 }, "\(answers)")
        let more = try (0..<150).map { _ in try RawConnection(port: port) }
        try await waitUntil(timeout: .seconds(60), "health and API to serve again") {
            #expect(intake.process.isRunning, "\(intake.process.standardError.suffix(2_000))")
            let probe = try RawConnection(port: health)
            try await probe.send("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = try await probe.readToEnd()
            guard text.hasPrefix("HTTP/1.1 200") else { return false }
            return (try? await fleet.api.send("GET", "/v1/tasks").status) == 200
        }
        #expect(intake.process.isRunning)
        for connection in idle + more { connection.close() }
        #expect(await intake.process.stop() == .exited(0))
        await fleet.stop()
    }

    @Test("A limit that leaves nothing for clients is told at start, with what to raise it to")
    func tooFew() async throws {
        let fleet = try await Fleet.start(executors: 0, intakes: 0, notifiers: 0)
        for service in [Fleet.Service.intake, .executor, .notifier] {
            let member = try fleet.start(service, openFiles: 64)
            let end = try await member.process.waitForExit()
            #expect(end != .exited(0))
            if case .signalled = end { Issue.record("\(service) was ended by a signal") }
            let told = member.process.standardError
            #expect(told.contains("ulimit -n: this process may open 64 files and connections"), "\(service): \(told)")
            #expect(told.contains("or more"))
        }
        await fleet.stop()
    }
}
