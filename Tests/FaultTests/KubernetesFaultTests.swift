import DeploymentSupport
import TestSupport
import Testing
import WireFormats

extension Faults {
    /// The API server turns requests away, loses answers, forgets what it said, or is away.
    @Suite("The API server")
    struct KubernetesFaultTests {
        @Test(
            "What is turned away, fails, or is done without an answer is done once in the end",
            .needsSimulator("makes the simulated API server fail, cut watches and forget its history")
        )
        func requests() async throws {
            let world = try await FaultWorld.get()
            func fault(_ verb: String, _ resource: String, _ more: JSONObject) async throws {
                var body: JSONObject = ["verb": .string(verb), "resource": .string(resource), "count": 2]
                for (key, value) in more { body[key] = value }
                try await world.simulator.post("faults", .object(body))
            }
            let late: JSONObject = ["drop": true, "afterwards": true]
            try await fault("create", "jobs", ["status": 429, "retryAfterSeconds": 1])
            try await fault("create", "jobs", ["status": 500])
            try await fault("create", "jobs", late)
            try await fault("create", "jobs", ["drop": true])
            try await fault("create", "pulltasks", ["status": 503, "count": 1])
            try await fault("create", "pulltasks", late)
            try await fault("create", "secrets", ["status": 500, "count": 1])
            try await fault("create", "secrets", late)
            try await fault("update", "pulltasks/status", ["status": 429, "retryAfterSeconds": 1])
            try await fault("update", "pulltasks/status", late)
            try await fault("update", "pulltasks/status", ["status": 409, "count": 1])
            try await fault("delete", "jobs", ["status": 500])
            try await fault("delete", "jobs", late)
            try await fault("delete", "secrets", ["status": 503, "count": 1])
            try await fault("delete", "secrets", late)
            try await fault("get", "secrets", ["status": 500, "count": 1])
            let tasks = [
                try await world.submit(nodes: [1, 2, 3]), try await world.submit(nodes: [4, 5, 6]),
                try await world.submit(nodes: [7, 8, 9, 10]),
            ]
            for task in tasks {
                let nodes = try await world.end(of: task, "succeeded")
                #expect(nodes.values.allSatisfy { $0.state == "succeeded" }, "\(nodes)")
                #expect(try await world.jobsRun(for: task) == nodes.count)
            }
            try await world.expectNothingLeft(of: tasks)
        }

        @Test(
            "Watches that are cut, and a history that is gone, hide nothing",
            .needsSimulator("makes the simulated API server fail, cut watches and forget its history")
        )
        func watches() async throws {
            let world = try await FaultWorld.get()
            try await world.simulator.slow((1...6).map { "node-\($0)" }, milliseconds: 500)
            let tasks = [
                try await world.submit(nodes: [1, 2, 3], ["batchSize": 1]),
                try await world.submit(nodes: [4, 5, 6], ["batchSize": 1]),
            ]
            for resource in ["pods", "jobs"] {
                try await world.simulator.post(
                    "faults",
                    ["verb": "watch", "resource": .string(resource), "status": 410, "count": 1]
                )
            }
            for round in 0..<8 {
                if round % 2 == 1 { try await world.simulator.post("compact") }
                for resource in ["pods", "jobs", "pulltasks", "nodes", "leases"] {
                    try await world.simulator.post("watches/cut?resource=\(resource)")
                }
                try await Task.sleep(for: .milliseconds(200))
            }
            for task in tasks {
                let nodes = try await world.end(of: task, "succeeded")
                #expect(nodes.values.allSatisfy { $0.state == "succeeded" }, "\(nodes)")
                #expect(try await world.jobsRun(for: task) == 3)
            }
            try await world.expectNothingLeft(of: tasks)
            try await world.simulator.slow((1...6).map { "node-\($0)" }, milliseconds: 0)
        }

        @Test(
            "An API server that is away holds tasks up and fails none",
            .needsSimulator("makes the simulated API server fail, cut watches and forget its history")
        )
        func away() async throws {
            let world = try await FaultWorld.get()
            // Ten minutes, for instance: LONGSHORE_TEST_API_OUTAGE_SECONDS=600.
            let seconds = TestTarget.environment("LONGSHORE_TEST_API_OUTAGE_SECONDS").flatMap(Int.init) ?? 6
            try await world.simulator.slow(["node-1", "node-2"], milliseconds: 1_500)
            let running = try await world.submit(
                nodes: [1, 2, 3, 4],
                ["batchSize": 1, "timeoutSeconds": .integer(Int64(seconds + 60))]
            )
            try await world.waitForJobs(of: running, nodes: [1])
            // Nothing is answered: neither the Lease can be renewed nor Jobs be made.
            for resource in ["pulltasks", "pulltasks/status", "jobs", "pods", "nodes", "secrets", "leases", "events"] {
                try await world.simulator.post("faults", ["drop": true, "resource": .string(resource)])
            }
            let queued = try await world.submit(nodes: [5, 6])
            try await Task.sleep(for: .seconds(seconds))
            try await world.simulator.endFaults()
            for task in [running, queued] {
                let nodes = try await world.end(of: task, "succeeded")
                #expect(nodes.values.allSatisfy { $0.state == "succeeded" }, "\(nodes)")
                #expect(try await world.jobsRun(for: task) == nodes.count)
            }
            try await world.expectNothingLeft(of: [running, queued])
        }
    }
}
