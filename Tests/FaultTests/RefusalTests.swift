import DeploymentSupport
import TestSupport
import Testing
import WireFormats

extension Faults {
    /// The cluster's own rules: quotas, admission, classes that are not there.
    @Suite("Refusals")
    struct RefusalTests {
        @Test(
            "What the cluster refuses is told in its own words, whether it refuses the Job or only its Pod",
            .needsSimulator("makes the simulated API server refuse Jobs and Pods")
        )
        func refused() async throws {
            let world = try await FaultWorld.get()
            // A Job that is forbidden is not tried again; one over its quota is, until the deadline.
            try await world.simulator.post(
                "faults",
                ["verb": "create", "resource": "jobs", "status": 403, "count": 1]
            )
            let forbidden = try await world.submit(nodes: [1], ["maxRetries": 2, "retryDelay": 1])
            #expect(try await world.end(of: forbidden, "failed")["node-1"]?.cause == "PolicyDenied")
            let `class` = try await world.kubectl("get", "priorityclass", "longshore-puller", "-o", "json")
            try await world.kubectl("delete", "priorityclass", "longshore-puller")
            let pod = try await world.submit(nodes: [3], ["timeoutSeconds": 1])
            let ends = try await world.end(of: pod, "failed")
            try await world.create(`class`)
            #expect(ends["node-3"]?.cause == "PolicyDenied", "\(ends)")
            #expect(ends["node-3"]?.message.contains("longshore-puller") == true, "\(ends)")
            try await world.expectNothingLeft(of: [forbidden, pod])
        }

        @Test(
            "A quota on Jobs makes the window smaller, and fails no node",
            .needsSimulator("makes the simulated API server refuse Jobs and Pods")
        )
        func jobQuota() async throws {
            let world = try await FaultWorld.get()
            try await world.kubectl("create", "quota", "jobs", "--hard=count/jobs.batch=1")
            let task = try await world.submit(nodes: [1, 3])
            let ends = try await world.end(of: task, "succeeded")
            try await world.kubectl("delete", "quota", "jobs")
            #expect(ends.count == 2 && ends.values.allSatisfy { $0.state == "succeeded" }, "\(ends)")
            try await world.expectNothingLeft(of: [task])
        }

        @Test(
            "A quota that leaves a Job without its Pod is what the node's end tells",
            .needsSimulator("makes the simulated API server refuse Jobs and Pods")
        )
        func podQuota() async throws {
            let world = try await FaultWorld.get()
            try await world.kubectl("create", "quota", "pods", "--hard=pods=0")
            let task = try await world.submit(nodes: [3], ["timeoutSeconds": 1])
            let ends = try await world.end(of: task, "failed")
            try await world.kubectl("delete", "quota", "pods")
            #expect(ends["node-3"]?.cause == "PolicyDenied", "\(ends)")
            #expect(ends["node-3"]?.message.contains("exceeded quota: pods") == true, "\(ends)")
            try await world.expectNothingLeft(of: [task])
        }

        @Test(
            "A Job that cannot be made until the deadline ends with what kept it from being made",
            .needsSimulator("makes the simulated API server refuse Jobs and Pods")
        )
        func neverMade() async throws {
            let world = try await FaultWorld.get()
            try await world.simulator.post("faults", ["verb": "create", "resource": "jobs", "status": 503])
            let task = try await world.submit(nodes: [1], ["deadlineSeconds": 4])
            let ends = try await world.end(of: task, "failed")
            #expect(ends["node-1"]?.cause == "Internal", "\(ends)")
            #expect(ends["node-1"]?.message.contains("unable to handle") == true, "\(ends)")
            let ended = try await world.fleet.api.send("GET", "/v1/tasks/\(task)").json
            #expect(ended["reason"]?.string == "DeadlineExceeded", "\(ended.text())")
            try await world.expectNothingLeft(of: [task])
        }
    }
}
