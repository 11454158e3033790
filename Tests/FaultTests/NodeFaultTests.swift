import DeploymentSupport
import TestSupport
import Testing
import WireFormats

extension Faults {
    /// Nodes vanish, fall silent, fill up, throw Pods out or take none.
    @Suite("Nodes")
    struct NodeFaultTests {
        @Test(
            "Each fault of a node ends in its own state and cause, and the other nodes are none the worse",
            .needsSimulator("loses, fills and evicts the simulator's nodes")
        )
        func nodes() async throws {
            let world = try await FaultWorld.get()
            let all = (1...7).map { "node-\($0)" }
            try await world.simulator.slow(all, milliseconds: 4_000)
            try await world.simulator.post("nodes/node-4/disk?full=true")
            // Node 5 gets its Pod only after it was cordoned: what cannot be scheduled waits no longer than it may.
            let unscheduled = try await world.submit(
                nodes: [6, 5],
                ["batchSize": 1, "timeoutSeconds": 6, "failureTolerance": 9]
            )
            let task = try await world.submit(
                nodes: [1, 2, 3, 7],
                ["timeoutSeconds": 6, "failureTolerance": 9]
            )
            // Node 4 reports that its disk is full; node 10 finds out by pulling.
            try await world.simulator.post("imagefaults", ["failure": "diskFull", "node": "node-10"])
            let full = try await world.submit(nodes: [4, 10], ["checks": [], "failureTolerance": 9])
            try await world.waitForJobs(of: task, nodes: [1, 2, 3, 7])
            try await world.waitForJobs(of: unscheduled, nodes: [5])
            try await world.kubectl("cordon", "node-6")
            try await world.simulator.post("nodes/node-1/lose")
            try await world.simulator.post("nodes/node-2/remove")
            try await world.simulator.post("nodes/node-3/evict")
            let ends = try await world.end(of: task, "succeeded")
            #expect(ends["node-1"]?.state == "failed" && ends["node-1"]?.cause == "NodeLost", "\(ends)")
            #expect(ends["node-2"]?.state == "skipped", "\(ends)")
            #expect(ends["node-3"]?.state == "failed" && ends["node-3"]?.cause == "Evicted", "\(ends)")
            #expect(ends["node-7"]?.state == "succeeded", "\(ends)")
            let waited = try await world.end(of: unscheduled, "succeeded")
            #expect(waited["node-5"]?.state == "succeeded", "\(waited)")
            #expect(waited["node-6"]?.message.contains("schedul") == true, "\(waited)")
            #expect(waited["node-6"]?.state == "failed" && waited["node-6"]?.cause == "Timeout", "\(waited)")
            let filled = try await world.end(of: full, "succeeded")
            #expect(filled["node-4"]?.state == "skipped", "\(filled)")
            #expect(filled["node-4"]?.message.contains("disk-pressure") == true, "\(filled)")
            #expect(filled["node-10"]?.state == "failed" && filled["node-10"]?.cause == "Disk", "\(filled)")
            try await world.expectNothingLeft(of: [task, unscheduled, full])
        }

        @Test(
            "An evicted Pod and a lost node are tried again where attempts are left",
            .needsSimulator("loses, fills and evicts the simulator's nodes")
        )
        func retries() async throws {
            let world = try await FaultWorld.get()
            try await world.simulator.slow(["node-8", "node-9"], milliseconds: 3_000)
            let task = try await world.submit(
                nodes: [8, 9],
                ["maxRetries": 1, "retryDelay": 1, "timeoutSeconds": 5]
            )
            try await world.waitForJobs(of: task, nodes: [8, 9])
            try await world.simulator.post("nodes/node-8/evict")
            try await world.simulator.post("nodes/node-9/lose")
            try await world.simulator.slow(["node-8", "node-9"], milliseconds: 0)
            try await waitUntil(timeout: .seconds(60), "the second attempt on node-9") {
                try await world.fleet.api.nodes(of: task)["node-9"]?["attempt"]?.integer == 2
            }
            try await world.simulator.post("nodes/node-9/restore")
            let ends = try await world.end(of: task, "succeeded")
            #expect(ends.values.allSatisfy { $0.state == "succeeded" }, "\(ends)")
            #expect(try await world.jobsRun(for: task) == 4)
            try await world.expectNothingLeft(of: [task])
        }
    }
}
