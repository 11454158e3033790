import DeploymentSupport
import LongshoreMessages
import RDKafka
import TestSupport
import Testing
import WireFormats

/// What a task costs the parts that Longshore stands on, counted and not timed: what is dearer than written down in
/// `docs/scale.md` fails here and not in somebody's cluster.
@Suite("Cost", .tags(.integration), .timeLimit(.minutes(4)), .serialized)
struct CostTests {
    private static let nodes = 20
    private static let writing: Set = ["create", "update", "patch", "delete", "deletecollection"]

    @Test(
        "A node costs two writes to the API server and two messages",
        .needsSimulator("counts the calls in the simulator's audit, on nodes that have every image at once"),
        .needsEmbeddedBroker
    )
    func perNode() async throws {
        let fleet = try await Fleet.start(nodes: Self.nodes, hostArguments: ["--instant-pulls"])
        // The first task makes what is there once for all.
        _ = try await carryOut(on: fleet)
        let before = try await Simulator(fleet.host).audit().compactMap { $0["sequence"]?.integer }.max() ?? 0
        let task = try await carryOut(on: fleet)
        let writes = try await Simulator(fleet.host).audit().filter { call in
            (call["sequence"]?.integer ?? 0) > before && Self.writing.contains(call["verb"]?.string ?? "")
                && call["resource"]?.string != "leases" && call["userAgent"]?.string?.hasPrefix("longshore") == true
        }
        let byKind = Dictionary(grouping: writes) { "\($0["verb"]?.string ?? "") \($0["resource"]?.string ?? "")" }
            .mapValues(\.count)
        // A Job is made and taken away; the PullTask is made, finished and patched no more often than its status is due.
        #expect(byKind["create jobs"] == Self.nodes, "\(byKind)")
        #expect(byKind["delete jobs"] ?? 0 <= Self.nodes, "\(byKind)")
        #expect(writes.count <= 2 * Self.nodes + 8, "\(byKind)")

        let events = try await KafkaTopics.records(of: Topics.events, deployment: fleet.host).filter { record in
            record.key.map { String(decoding: $0, as: UTF8.self) } == task
        }
        // Each node begins and ends; the task is queued, checked, pulled and ended, with its progress in between.
        let progress = events.count { record in
            record.headers.contains {
                $0.name == "ce_type"
                    && $0.value.map { String(decoding: $0, as: UTF8.self) } == EventType.taskProgress.rawValue
            }
        }
        #expect(events.count - progress == 2 * Self.nodes + 4)
        #expect(progress <= 3)
        await fleet.stop()
    }

    private func carryOut(on fleet: Fleet) async throws -> String {
        let task = try await fleet.api.submit([
            "images": ["registry.example.com/team/app:1"], "checks": [], "pullPolicy": "Always",
            "batchSize": .integer(Int64(Self.nodes)),
        ])
        let ended = try await fleet.api.waitForEnd(of: task)
        #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
        return task
    }
}
