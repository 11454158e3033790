import ClusterSimulator
import FoundationEssentials
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

    @Test func `The values of changed and deleted Secrets are in no file, and every file is for its owner alone`()
        async throws
    {
        let directory = try TemporaryDirectory(prefix: "journal")
        func secret(_ name: String, _ value: String) -> String {
            "{apiVersion: v1, kind: Secret, metadata: {name: \(name)}, stringData: {key: \(value)}}"
        }
        func encoded(_ value: String) -> String { Base64.encode(Array(value.utf8)) }
        try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { harness in
            for (name, value) in [("deleted", "canary-one"), ("changed", "canary-two"), ("kept", "canary-kept")] {
                try harness.simulator.apply(manifest: secret(name, value))
            }
            try harness.simulator.apply(manifest: secret("changed", "canary-three"))
            try await harness.kubectl("delete", "secret", "deleted")
        }
        let texts = try Self.files(in: directory).map { readFile($0) }
        for value in ["canary-one", "canary-two"] {
            #expect(!texts.contains { $0.contains(encoded(value)) || $0.contains(value) }, "\(value)")
        }
        #expect(texts.contains { $0.contains(encoded("canary-kept")) })
        for path in try Self.files(in: directory) { #expect(try Self.mode(path) == 0o600, "\(path)") }
        for folder in ["cluster", "cluster/secrets"] { #expect(try Self.mode(directory.appending(folder)) == 0o700) }
        try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { harness in
            #expect(harness.object("secrets", "deleted") == nil)
            let data = harness.object("secrets", "changed")?["data"]
            #expect(data?["key"]?.string == encoded("canary-three"))
            #expect(harness.object("secrets", "kept") != nil)
        }
    }

    @Test func `A change that was cut off is set aside, and what was written before and after it counts`() async throws
    {
        let directory = try TemporaryDirectory(prefix: "journal")
        func map(_ name: String) -> String { "{apiVersion: v1, kind: ConfigMap, metadata: {name: \(name)}}" }
        try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { harness in
            try harness.simulator.apply(manifest: map("before"))
        }
        let log = try #require(try Self.files(in: directory).first { $0.hasSuffix("log-1.jsonl") })
        try writeFile(log, "{\"revision\":99999,\"group\":\"\",\"resou", appending: true)
        try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { harness in
            #expect(harness.object("configmaps", "before") != nil)
            try harness.simulator.apply(manifest: map("after"))
        }
        let aside = try #require(try Self.files(in: directory).first { $0.contains("/torn-1-") })
        #expect(readFile(aside).contains("99999"))
        try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { harness in
            #expect(harness.object("configmaps", "before") != nil)
            #expect(harness.object("configmaps", "after") != nil)
        }
    }

    @Test func `A log that is missing, or damaged in its middle, is told and nothing is passed over`() async throws {
        let directory = try TemporaryDirectory(prefix: "journal")
        let folder = directory.appending("cluster")
        try await TestProcess.run("mkdir", ["-p", folder])
        try directory.write("cluster/log-1.jsonl", "")
        try directory.write("cluster/log-3.jsonl", "")
        await #expect {
            try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { _ in }
        } throws: {
            "\($0)".contains("log-2.jsonl is missing")
        }
        try await TestProcess.run("rm", ["\(folder)/log-3.jsonl"])
        let line = #"{"revision":7,"group":"","resource":"configmaps","object":{"metadata":{"name":"x"}}}"#
        try directory.write("cluster/log-1.jsonl", "\(line)\n{\"cut\n\(line)\n")
        await #expect {
            try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { _ in }
        } throws: {
            "\($0)".contains("log-1.jsonl: line 2 cannot be read")
        }
    }

    @Test func `The files of earlier versions are read beyond a gap, and removed`() async throws {
        let directory = try TemporaryDirectory(prefix: "journal")
        try await TestProcess.run("mkdir", ["-p", directory.appending("cluster")])
        func changes(_ number: Int, _ resource: String, _ object: String) throws {
            let entry = #"{"group":"","resource":"\#(resource)","object":\#(object)}"#
            let text = #"{"revision":\#(100 + number),"changes":[\#(entry)]}"#
            try directory.write("cluster/changes-\(number).json", text)
        }
        func object(_ kind: String, _ name: String) -> String {
            """
            {"apiVersion":"v1","kind":"\(kind)","data":{},"metadata":{"name":"\(name)","namespace":"default",\
            "uid":"uid-\(name)","resourceVersion":"100"}}
            """
        }
        try changes(1, "configmaps", object("ConfigMap", "first"))
        try changes(2, "secrets", object("Secret", "key"))
        // Number 3 was used up by a write that failed.
        try changes(4, "configmaps", object("ConfigMap", "last"))
        for _ in 0..<2 {
            try await SimulatorHarness.run(.with { $0.dataDirectory = directory.path }) { harness in
                for name in ["first", "last"] { #expect(harness.object("configmaps", name) != nil, "\(name)") }
                #expect(harness.object("secrets", "key") != nil)
            }
            #expect(try !Self.files(in: directory).contains { $0.contains("changes-") })
        }
    }

    // MARK: - Files

    private static func files(in directory: TemporaryDirectory) throws -> [String] {
        let root = directory.path
        return try FileManager.default.subpathsOfDirectory(atPath: root).map { "\(root)/\($0)" }.filter { path in
            var isFolder = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder
        }
    }

    private static func mode(_ path: String) throws -> Int {
        let text = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        return Int(text as? UInt16 ?? 0) | (text as? Int ?? 0)
    }
}
