import ClusterSimulator
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(1))) struct JournalTests {
    @Test func `A cluster goes on where it stopped`() async throws {
        let directory = try TemporaryDirectory(prefix: "journal")
        let configuration = ClusterSimulator.Configuration.with {
            $0.dataDirectory = directory.path
            $0.crdYAML = [widgetDefinition]
            $0.nodes = NodeTemplate.numbered(2)
        }
        var uid: JSONValue?
        var revision = 0
        try await SimulatorHarness.run(configuration) { harness in
            let simulator = harness.simulator
            try simulator.apply(
                manifest: "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {size: 3}}"
            )
            try simulator.apply(manifest: "{apiVersion: v1, kind: ConfigMap, metadata: {name: gone}}")
            try simulator.apply(manifest: imageVolumeJob("done", node: "node-1", images: ["h.io/a:1"]))
            _ = try await harness.waitForPod(ofJob: "done", "the end") { SimulatorHarness.phase($0) == "Succeeded" }
            await simulator.addImageFault(ImageFault(.hang))
            try simulator.apply(manifest: imageVolumeJob("open", node: "node-2", images: ["h.io/b:1"]))
            _ = try await harness.waitForPod(ofJob: "open", "the pull") {
                $0[path: "status", "containerStatuses"] != nil
            }
            try await harness.kubectl("delete", "configmap", "gone")
            uid = harness.object("widgets.example.com", "w")?[path: "metadata", "uid"]
            revision =
                Int(harness.object("widgets.example.com", "w")?[path: "metadata", "resourceVersion"]?.string ?? "") ?? 0
            try await waitUntil("the report of the image") {
                simulator.object("nodes", name: "node-1")?[path: "status", "images"]?.array?.count == 2
            }
        }
        try await SimulatorHarness.run(configuration) { harness in
            let widget = harness.object("widgets.example.com", "w")
            #expect(widget?[path: "metadata", "uid"] == uid)
            #expect(harness.object("configmaps", "gone") == nil)
            #expect(harness.simulator.count("nodes") == 2)
            // The Pod whose pull was cut off begins again, the finished Job does not.
            _ = try await harness.waitForPod(ofJob: "open", "the end") { SimulatorHarness.phase($0) == "Succeeded" }
            #expect(harness.simulator.objects("pods").count == 2)
            #expect(await harness.simulator.hasImage("h.io/a:1", on: "node-1"))
            try harness.simulator.apply(manifest: "{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}")
            let new = Int(harness.object("configmaps", "new")?[path: "metadata", "resourceVersion"]?.string ?? "") ?? 0
            #expect(new > revision)
        }
    }

    @Test func `A damaged data directory is reported and not overwritten`() async throws {
        let directory = try TemporaryDirectory(prefix: "journal")
        try await TestProcess.run("mkdir", ["-p", directory.appending("cluster")])
        try directory.write("cluster/snapshot.json", "{\"revision\": 1, \"objects\": [")
        await #expect(throws: SimulatorError.self) {
            try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { _ in }
        }
    }
}
