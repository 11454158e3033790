import Glibc
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

/// The files are what other releases and other languages write and read. One that has to be changed is a change of the wire
/// format: `LONGSHORE_UPDATE_FIXTURES=1` writes them anew, and the difference is to be judged.
@Suite("Golden messages")
struct GoldenMessageTests {
    @Test("are written as the files have it")
    func written() throws {
        let isUpdate = getenvText("LONGSHORE_UPDATE_FIXTURES") == "1"
        for (name, event) in try Fixtures.all {
            let text = event.structuredJSON.text(pretty: true) + "\n"
            if isUpdate { try writeFile(Fixtures.path(name), text) }
            #expect(readFile(Fixtures.path(name)) == text, "\(name)")
        }
    }

    @Test("are read from the files")
    func read() throws {
        func event(_ name: String) throws -> CloudEvent {
            try CloudEvent(structuredJSON: JSONValue(parsing: readFile(Fixtures.path(name))))
        }
        #expect(try TaskRequested(event: event("task.requested")) == Fixtures.requested)
        #expect(try TaskSubmitted(event: event("task.submitted")) == Fixtures.submitted)
        #expect(try TaskCommand(event: event("task.command")) == Fixtures.command)
        #expect(try TaskMissing(event: event("task.missing")) == Fixtures.missing)
        #expect(try TaskNodes(event: event("task.nodes")) == Fixtures.nodes)
        #expect(try ClusterAnnouncement(event: event("cluster.announced")) == Fixtures.announcement)
        for type in EventType.allCases where type.isEvent {
            #expect(try TaskEvent(event: event(type.shortName)) == Fixtures.event(type), "\(type)")
        }
    }

    @Test("are the same in both of Kafka's modes")
    func kafkaModes() throws {
        for (name, event) in try Fixtures.all {
            let binary = event.kafkaRecord(topic: "t")
            #expect(try CloudEvent(headers: binary.headers, value: binary.value) == event, "\(name)")
            let structured = event.structuredKafkaRecord(topic: "t")
            #expect(try CloudEvent(headers: structured.headers, value: structured.value) == event, "\(name)")
        }
    }

    @Test("are read when a newer release has added members")
    func readsNewer() throws {
        for (name, event) in try Fixtures.all where name != "task.requested" {
            var newer = event
            newer.data?["addedLater"] = ["x": 1]
            newer.extensions["addedlater"] = "x"
            switch event.eventType {
            case .taskSubmitted: #expect(try TaskSubmitted(event: newer) == Fixtures.submitted)
            case .taskCommand: #expect(try TaskCommand(event: newer) == Fixtures.command)
            case .taskMissing: #expect(try TaskMissing(event: newer) == Fixtures.missing)
            case .taskNodes: #expect(try TaskNodes(event: newer) == Fixtures.nodes)
            case .clusterAnnounced: #expect(try ClusterAnnouncement(event: newer) == Fixtures.announcement)
            case let type?: #expect(try TaskEvent(event: newer) == Fixtures.event(type))
            case nil: Issue.record("\(name) has no type")
            }
        }
    }

    @Test("that lack a member are refused with its place, and never crash")
    func refusesIncomplete() throws {
        for (_, event) in try Fixtures.all where event.eventType != .taskRequested {
            for key in event.data?.object?.keys ?? [] {
                for replacement in [nil, JSONValue.array([]), .number(1.5), "hunter2-canary"] as [JSONValue?] {
                    var broken = event
                    broken.data?[key] = replacement
                    do {
                        switch event.eventType {
                        case .taskSubmitted: _ = try TaskSubmitted(event: broken)
                        case .taskCommand: _ = try TaskCommand(event: broken)
                        case .taskMissing: _ = try TaskMissing(event: broken)
                        case .taskNodes: _ = try TaskNodes(event: broken)
                        case .clusterAnnounced: _ = try ClusterAnnouncement(event: broken)
                        default: _ = try TaskEvent(event: broken)
                        }
                    } catch {
                        #expect(error.code == .invalidData)
                        #expect(error.place.hasPrefix("data/\(key)"))
                        #expect(!"\(error)".contains("hunter2"))
                    }
                }
            }
        }
    }

    /// Reads records as a consumer in Python does, and prints what it sees.
    private static let reader = """
        import base64, json, sys
        try:
            from cloudevents.v1 import kafka
        except ImportError:
            from cloudevents import kafka
        for record in json.load(open(sys.argv[1])):
            headers = {h["name"]: base64.b64decode(h["value"]) for h in record["headers"]}
            message = kafka.KafkaMessage(headers=headers, key=base64.b64decode(record["key"]), value=base64.b64decode(record["value"]))
            read = kafka.from_structured if record["structured"] else kafka.from_binary
            event = read(message)
            print(event["id"], event["type"], event["source"], json.dumps(event.data, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
        """

    @Test(
        "are read by the official Python library in both modes",
        .enabled("needs the Python package cloudevents") { await Python.has("cloudevents") }
    )
    func readByPython() async throws {
        var records: [JSONValue] = []
        var expected = ""
        for (_, event) in try Fixtures.all {
            for isStructured in [false, true] {
                let record =
                    isStructured
                    ? event.structuredKafkaRecord(topic: "t", key: "k") : event.kafkaRecord(topic: "t", key: "k")
                let headers = record.headers.map { header -> JSONValue in
                    ["name": .string(header.name), "value": .string(Base64.encode(header.value ?? []))]
                }
                records.append([
                    "headers": .array(headers), "key": .string(Base64.encode(record.key ?? [])),
                    "value": .string(Base64.encode(record.value ?? [])), "structured": .bool(isStructured),
                ])
                let data = try #require(event.data)
                expected += "\(event.id) \(event.type) \(event.source) \(data.text(sortedKeys: true))\n"
            }
        }
        let directory = try TemporaryDirectory()
        let path = try directory.write("records.json", JSONValue.array(records).text())
        #expect(try await Python.run(Self.reader, [path]) == expected)
    }

    @Test("with an id that a signature could be made over")
    func idsHaveNoDots() throws {
        for (_, event) in try Fixtures.all { #expect(!event.id.contains(".")) }
    }

    @Test("never hold what a request's credentials hold")
    func holdNoPlaintext() throws {
        for (name, event) in try Fixtures.all {
            let text = event.structuredJSON.text()
            for word in ["\"password\"", "\"username\"", "\"identityToken\"", "\"auths\""] {
                #expect(!text.contains(word), "\(name)")
            }
        }
    }
}

private func getenvText(_ name: String) -> String? {
    // The one way to the environment that needs no pointer.
    readFile("/proc/self/environ").split(separator: "\0").first { $0.hasPrefix("\(name)=") }
        .map { String($0.dropFirst(name.utf8.count + 1)) }
}
