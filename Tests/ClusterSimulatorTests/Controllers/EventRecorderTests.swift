import ClusterSimulator
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(2))) struct EventRecorderTests {
    @Test func `many images of one Pod share an Event, and what is too much is dropped`() async throws {
        try await SimulatorHarness.run { harness in
            let images = (1...15).map { "h.io/a/b:\($0)" }
            try harness.simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: images))
            try await waitUntil("the Job") {
                let conditions = harness.object("jobs.batch", "j")?[path: "status", "conditions"]?.array ?? []
                return conditions.contains { $0["type"] == "Complete" && $0["status"] == "True" }
            }
            let events = harness.simulator.objects("events").filter { event in
                event[path: "source", "component"] == "kubelet" && event[path: "involvedObject", "kind"] == "Pod"
            }
            #expect(events.reduce(0) { $0 + ($1["count"]?.integer ?? 1) } == 25)
            let pulling = events.filter { $0["reason"] == "Pulling" }
            #expect(pulling.count == 10 && pulling.allSatisfy { $0[path: "involvedObject", "fieldPath"] == nil })
            let merged = pulling.first { $0["message"]?.string?.hasPrefix("(combined from similar events): ") == true }
            #expect(merged?["message"] == "(combined from similar events): Pulling image \"h.io/a/b:13\"")
            #expect(merged?["count"] == 4)
        }
    }

    @Test func `an Event about a container names it`() async throws {
        try await SimulatorHarness.run { harness in
            try harness.simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: ["h.io/a/b:1"]))
            try await waitUntil("the start") {
                harness.simulator.objects("events").contains { event in
                    event["reason"] == "Started"
                        && event[path: "involvedObject", "fieldPath"]?.string?.hasPrefix("spec.containers{") == true
                }
            }
        }
    }
}
