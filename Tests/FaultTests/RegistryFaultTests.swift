import DeploymentSupport
import TestSupport
import Testing
import WireFormats

extension Faults {
    /// Registries that refuse, fail, dawdle or serve the wrong bytes, as a task's owner gets to know of it.
    @Suite("Registries")
    struct RegistryFaultTests {
        @Test(
            "What every node would hear is found once, before any Job is made",
            .needsSimulator("counts Jobs in the simulator's audit and makes its pulls fail")
        )
        func checked() async throws {
            let world = try await FaultWorld.get()
            let registry = try FaultyRegistry()
            defer { registry.stop() }
            let expected: [(FaultyRegistry.Fault, String)] = [
                (.unauthorized, "Unauthorized"), (.forbidden, "Unauthorized"), (.missing, "NotFound"),
                (.looping, "Unauthorized"),
            ]
            var tasks: [String] = []
            for (fault, _) in expected {
                // Without a credential a refusal would be for the nodes to find out. One of its own for each task: a credential that a
                // registry has refused is not shown to it again for a while.
                let credential: JSONValue = [
                    "registry": .string(registry.address), "username": .string("\(fault)"), "password": "p",
                ]
                tasks.append(
                    try await world.submit(
                        nodes: [1, 3, 4, 5, 6],
                        images: [registry.image(fault)],
                        ["registryCredentials": [credential]]
                    )
                )
            }
            for (task, (fault, cause)) in zip(tasks, expected) {
                let ends = try await world.end(of: task, "failed")
                #expect(ends.count == 5)
                #expect(ends.values.allSatisfy { $0.state == "failed" && $0.cause == cause }, "\(fault): \(ends)")
                #expect(ends.values.allSatisfy { !$0.message.isEmpty }, "\(fault): \(ends)")
                #expect(try await world.jobsRun(for: task) == 0)
                let ended = try await world.fleet.api.send("GET", "/v1/tasks/\(task)").json
                #expect(ended["cause"]?.string == cause, "\(fault): \(ended.text())")
                // Once for all nodes: a manifest is asked for by HEAD, then by GET, each once more with a credential.
                #expect(registry.manifestRequests(fault) <= 4, "\(fault)")
            }
            try await world.expectNothingLeft(of: tasks)
        }

        @Test(
            "What only a pull shows ends in its cause on the node, and what passes is pulled in the end",
            .needsSimulator("counts Jobs in the simulator's audit and makes its pulls fail")
        )
        func pulled() async throws {
            let world = try await FaultWorld.get()
            let registry = try FaultyRegistry()
            defer { registry.stop() }
            let expected: [(FaultyRegistry.Fault, String)] = [
                (.unauthorized, "Unauthorized"), (.forbidden, "Unauthorized"), (.missing, "NotFound"),
                (.limited, "RateLimited"), (.broken, "Network"), (.cut, "Network"), (.corrupt, "Network"),
                (.slow, "Timeout"), (.silent, "Timeout"),
            ]
            let recovering = try await world.submit(
                nodes: [1],
                images: [registry.image(.recovering)],
                ["checks": [], "maxRetries": 2, "retryDelay": 1]
            )
            var tasks: [String] = []
            for (number, (fault, _)) in expected.enumerated() {
                // Nodes pull one image at a time; node-2 may have been removed.
                let node = [3, 4, 5, 6, 7, 8, 9, 10, 1][number]
                let timeout: JSONValue = expected[number].1 == "Timeout" ? 8 : 60
                tasks.append(
                    try await world.submit(
                        nodes: [node],
                        images: [registry.image(fault)],
                        ["checks": [], "timeoutSeconds": timeout]
                    )
                )
            }
            for (task, (fault, cause)) in zip(tasks, expected) {
                let ends = try await world.end(of: task, "failed")
                #expect(ends.values.allSatisfy { $0.state == "failed" && $0.cause == cause }, "\(fault): \(ends)")
                #expect(ends.values.allSatisfy { !$0.message.isEmpty }, "\(fault): \(ends)")
            }
            let ends = try await world.end(of: recovering, "succeeded")
            #expect(ends["node-1"]?.state == "succeeded", "\(ends)")
            try await world.expectNothingLeft(of: tasks + [recovering])
        }

    }
}
