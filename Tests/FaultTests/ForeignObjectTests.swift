import DeploymentSupport
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

extension Faults {
    /// Others write to the same namespace: they delete and change what is ours, and have what bears our names.
    @Suite("Other writers")
    struct ForeignObjectTests {
        @Test(
            "Jobs, Pods and PullTasks that others delete or change end their node or task once, with a cause",
            .needsSimulator("deletes and overwrites objects while the simulator holds calls up")
        )
        func deleted() async throws {
            let world = try await FaultWorld.get()
            let all = [1, 3, 4, 5, 6, 7]
            try await world.simulator.slow(all.map { "node-\($0)" }, milliseconds: 4_000)
            let task = try await world.submit(nodes: [1, 3, 4, 5], ["failureTolerance": 9])
            let again = try await world.submit(nodes: [6], ["maxRetries": 1, "retryDelay": 1])
            let gone = try await world.submit(nodes: [7])
            let jobs = try await world.waitForJobs(of: task, nodes: [1, 3, 4, 5])
            let retried = try await world.waitForJobs(of: again, nodes: [6])
            try await world.waitForJobs(of: gone, nodes: [7])
            try await world.kubectl("delete", "job", try #require(jobs[1]), "--wait=false")
            try await world.kubectl("delete", "pod", "-l", "job-name=\(try #require(jobs[3]))", "--wait=false")
            // Without its label the Job is nobody's any more, for all that we can see.
            try await world.kubectl(
                "label",
                "job",
                try #require(jobs[4]),
                "app.kubernetes.io/managed-by-",
                "longshore.dev/task-"
            )
            try await world.kubectl("delete", "job", try #require(retried[6]), "--wait=false")
            try await world.simulator.slow(["node-6"], milliseconds: 0)
            try await world.kubectl("delete", "pulltask", gone, "--wait=false")
            let ends = try await world.end(of: task, "succeeded")
            for node in ["node-1", "node-3", "node-4"] {
                #expect(ends[node]?.state == "failed" && ends[node]?.cause == "Evicted", "\(node): \(ends)")
            }
            #expect(ends["node-5"]?.state == "succeeded", "\(ends)")
            #expect(try await world.end(of: again, "succeeded")["node-6"]?.state == "succeeded")
            #expect(try await world.end(of: gone, "cancelled")["node-7"]?.state == "skipped")
            #expect(try await world.fleet.api.send("GET", "/v1/tasks/\(gone)").json["reason"]?.string == "Deleted")
            try await world.expectNothingLeft(of: [task, again, gone])
            let left = try await world.kubectl("get", "jobs,pods", "-o", "name")
            #expect(!left.contains(task), "\(left)")
        }

        @Test(
            "A PullTask that is deleted while no executor is alive ends its task once all the same",
            .needsSimulator("deletes and overwrites objects while the simulator holds calls up")
        )
        func deletedUnseen() async throws {
            let world = try await FaultWorld.get()
            try await world.simulator.slow(["node-1", "node-3"], milliseconds: 20_000)
            let deleted = try await world.submit(nodes: [1], ["timeoutSeconds": 120])
            let kept = try await world.submit(nodes: [3], ["timeoutSeconds": 120])
            try await world.waitForJobs(of: deleted, nodes: [1])
            try await world.waitForJobs(of: kept, nodes: [3])
            let executor = try #require(world.fleet.members(.executor).first)
            _ = await executor.process.killNow()
            try await world.kubectl("delete", "pulltask", deleted)
            // Kubernetes itself clears up, nobody of ours is needed for it.
            try await waitUntil(timeout: .seconds(30), "the Job and the Secret to go with the PullTask") {
                try await world.host.objectsLeft(ofTask: deleted).isEmpty
            }
            #expect(try await world.fleet.api.send("GET", "/v1/tasks/\(deleted)").json["status"]?.string == "pulling")
            try await world.simulator.slow(["node-3"], milliseconds: 0)
            try await world.fleet.waitUntilReady(try world.fleet.restart(executor))
            _ = try await world.end(of: deleted, "cancelled")
            let ended = try await world.fleet.api.send("GET", "/v1/tasks/\(deleted)").json
            #expect(ended["reason"]?.string == "Deleted", "\(ended.text())")
            #expect(try await world.end(of: kept, "succeeded")["node-3"]?.state == "succeeded")
            try await world.expectNothingLeft(of: [deleted, kept])
        }

        @Test(
            "A pull Secret that others delete is named as the cause",
            .needsSimulator("deletes and overwrites objects while the simulator holds calls up")
        )
        func secretDeleted() async throws {
            let world = try await FaultWorld.get()
            try await world.simulator.slow(["node-1", "node-3"], milliseconds: 1_500)
            let task = try await world.submit(nodes: [1, 3], ["batchSize": 1])
            try await world.waitForJobs(of: task, nodes: [1])
            try await world.kubectl("delete", "secret", "-l", "longshore.dev/task=\(task)")
            let ends = try await world.end(of: task, "failed")
            #expect(ends["node-3"]?.cause == "Unauthorized", "\(ends)")
            try await world.expectNothingLeft(of: [task])
        }

        @Test(
            "A task's owner that others overwrite is found again, and the work goes on",
            .needsSimulator("deletes and overwrites objects while the simulator holds calls up")
        )
        func ownerChanged() async throws {
            let world = try await FaultWorld.get()
            try await world.simulator.slow(["node-1", "node-3"], milliseconds: 1_500)
            let task = try await world.submit(nodes: [1, 3], ["batchSize": 1])
            try await world.waitForJobs(of: task, nodes: [1])
            try await world.kubectl(
                "patch",
                "pulltask",
                task,
                "--subresource=status",
                "--type=merge",
                "-p",
                #"{"status":{"owner":{"identity":"nobody"}}}"#
            )
            let ends = try await world.end(of: task, "succeeded")
            #expect(ends.values.allSatisfy { $0.state == "succeeded" }, "\(ends)")
            #expect(try await world.jobsRun(for: task) == 2)
            try await world.expectNothingLeft(of: [task])
        }

        @Test(
            "What others have under our names is left alone, and the task says so",
            .needsSimulator("deletes and overwrites objects while the simulator holds calls up")
        )
        func names() async throws {
            let world = try await FaultWorld.get()
            func id(_ key: String) -> TaskID { TaskIDs.derived(project: "default", idempotencyKey: key) }
            let registry = world.registries.first.address
            let scope = try #require(try? RegistryScope(parsing: registry))
            let objects = [
                ("secret", SecretNames.pullSecret(id("foreign-secret"), scope: scope)),
                ("job", SecretNames.job(id("foreign-job"), node: "node-1", attempt: 1)),
                ("pulltask", id("foreign-pulltask").text),
            ]
            for (kind, name) in objects { _ = try await world.host.kubectl("create", input: Self.object(kind, name)) }
            func versions() async throws -> [String] {
                var versions: [String] = []
                for (kind, name) in objects.dropLast() {
                    versions.append(
                        try await world.kubectl("get", kind, name, "-o", "jsonpath={.metadata.resourceVersion}")
                    )
                }
                return versions
            }
            let before = try await versions()
            let tasks = [
                try await world.submit(nodes: [1], key: "foreign-secret"),
                try await world.submit(nodes: [1, 3], key: "foreign-job", ["failureTolerance": 9]),
                try await world.submit(nodes: [1], key: "foreign-pulltask"),
            ]
            #expect(tasks == [id("foreign-secret"), id("foreign-job"), id("foreign-pulltask")].map(\.text))
            _ = try await world.end(of: tasks[0], "failed")
            let refused = try await world.fleet.api.send("GET", "/v1/tasks/\(tasks[0])").json
            #expect(refused["reason"]?.string == "SecretRefused", "\(refused.text())")
            #expect(refused["message"]?.string?.contains(objects[0].1) == true, "\(refused.text())")
            let ends = try await world.end(of: tasks[1], "succeeded")
            #expect(ends["node-1"]?.state == "failed" && ends["node-1"]?.cause == "Internal", "\(ends)")
            #expect(ends["node-1"]?.message.contains(objects[1].1) == true, "\(ends)")
            #expect(ends["node-3"]?.state == "succeeded", "\(ends)")
            _ = try await world.end(of: tasks[2], "rejected")
            let taken = try await world.fleet.api.send("GET", "/v1/tasks/\(tasks[2])").json
            #expect(taken["message"]?.string?.contains("left alone") == true, "\(taken.text())")
            try await world.expectNothingLeft(of: tasks)
            #expect(try await versions() == before)
            // The PullTask is worked on as one that kubectl made, under an id of its own.
            let identifier = try await waitForValue(timeout: .seconds(60), "the foreign PullTask to end") {
                let text = try await world.kubectl(
                    "get",
                    "pulltask",
                    objects[2].1,
                    "-o",
                    "jsonpath={.status.phase} {.status.taskId}"
                )
                return text.hasPrefix("succeeded ") ? String(text.dropFirst("succeeded ".count)) : nil
            }
            #expect(identifier != tasks[2])
            try await world.expectNothingLeft(of: [identifier])
            for (kind, name) in objects { try await world.kubectl("delete", kind, name) }
        }

        private static func object(_ kind: String, _ name: String) -> String {
            let metadata: JSONValue = ["name": .string(name), "namespace": "longshore"]
            let object: JSONValue
            switch kind {
            case "secret":
                object = ["apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": ["theirs": "kept"]]
            case "job":
                let container: JSONValue = [
                    "name": "main", "image": "docker.io/library/busybox:1.37.0-musl",
                    "command": ["/bin/busybox", "true"],
                ]
                object = [
                    "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata,
                    "spec": [
                        "suspend": true,
                        "template": ["spec": ["restartPolicy": "Never", "containers": [container]]],
                    ],
                ]
            default:
                object = [
                    "apiVersion": "longshore.dev/v1", "kind": "PullTask", "metadata": metadata,
                    "spec": [
                        "images": ["docker.io/library/busybox:1.37.0-musl"], "pullPolicy": "IfNotPresent",
                        "checks": [], "nodes": ["names": ["node-1"]],
                    ],
                ]
            }
            return object.text()
        }
    }
}
