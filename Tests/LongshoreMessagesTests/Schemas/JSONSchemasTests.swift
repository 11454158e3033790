import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@Suite("JSON Schemas")
struct JSONSchemasTests {
    @Test("are there for every type of message")
    func complete() {
        let names = Set(JSONSchemas.all.keys)
        for type in EventType.allCases { #expect(names.contains(JSONSchemas.name(for: type)), "\(type)") }
        #expect(names.isSuperset(of: ["definitions", "cloudevent", "task-request", "task-spec", "task-event"]))
        for (name, schema) in JSONSchemas.all {
            #expect(schema["$id"]?.string == "https://longshore.dev/schemas/\(name).json")
            #expect(schema["title"]?.string?.isEmpty == false)
        }
    }

    @Test("have a request's fields as the parser has them, and its limits")
    func sameFieldsAsParser() throws {
        let properties = try #require(JSONSchemas.all["task-request"]?["properties"]?.object)
        for key in properties.keys {
            // A field that the parser knows is at most of the wrong type; one that it does not know is an unknown field.
            let request: JSONValue = ["images": ["nginx"], key: ["x": [[:]]]]
            do {
                _ = try TaskRequest.parse(request, channel: .http, defaults: RequestDefaults())
            } catch {
                #expect(
                    !error.faults.contains { $0.kind == .unknownField && $0.pointer.description == "/\(key)" },
                    "\(key)"
                )
            }
        }
        let settings = try #require(JSONSchemas.all["definitions"]?["$defs"]?["settings"]?["properties"])
        func range(_ key: String) -> ClosedRange<Int> {
            (settings[key]?["minimum"]?.integer ?? -1)...(settings[key]?["maximum"]?.integer ?? -1)
        }
        #expect(range("priority") == RequestLimits.priority)
        #expect(range("batchSize") == RequestLimits.batchSize)
        #expect(range("timeoutSeconds") == RequestLimits.timeoutSeconds)
        #expect(range("deadlineSeconds") == RequestLimits.deadlineSeconds)
        #expect(range("maxRetries") == RequestLimits.maxRetries)
        #expect(range("retryDelay") == RequestLimits.retryDelaySeconds)
        #expect(range("retryMaxDelaySeconds") == RequestLimits.retryMaxDelaySeconds)
        #expect(range("ttlSecondsAfterFinished") == RequestLimits.ttlSecondsAfterFinished)
        #expect(properties["images"]?["maxItems"]?.integer == RequestLimits.images)
        #expect(properties["registryCredentials"]?["maxItems"]?.integer == RequestLimits.credentials)
    }

    /// Checks schemas against the meta-schema and values against schemas, with Python's `jsonschema`.
    private static let program = """
        import json, sys
        from jsonschema import Draft202012Validator
        from referencing import Registry, Resource
        cases = json.load(open(sys.argv[1]))
        schemas = cases["schemas"]
        registry = Registry().with_resources([(s["$id"], Resource.from_contents(s)) for s in schemas.values()])
        wrong = []
        for name, schema in schemas.items():
            Draft202012Validator.check_schema(schema)
        for case in cases["values"]:
            validator = Draft202012Validator(schemas[case["schema"]], registry=registry)
            errors = [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(case["value"])]
            if bool(errors) == case["valid"]:
                wrong.append(f"{case['name']} against {case['schema']}: {errors or 'accepted'}")
        print("\\n".join(wrong), end="")
        """

    private static func check(_ values: [JSONValue]) async throws -> String {
        let directory = try TemporaryDirectory()
        let cases: JSONValue = ["schemas": JSONSchemas.all.json, "values": .array(values)]
        let path = try directory.write("cases.json", cases.text())
        return try await Python.run(program, [path])
    }

    private static func value(_ name: String, _ schema: String, _ value: JSONValue, valid: Bool = true) -> JSONValue {
        ["name": .string(name), "schema": .string(schema), "value": value, "valid": .bool(valid)]
    }

    @Test(
        "accept every golden message",
        .enabled("needs the Python packages jsonschema and referencing") {
            await Python.has("jsonschema", "referencing")
        }
    )
    func acceptGolden() async throws {
        var values: [JSONValue] = []
        for (name, event) in try Fixtures.all {
            let type = try #require(event.eventType)
            values.append(Self.value(name, JSONSchemas.name(for: type), try #require(event.data)))
            if type.isEvent { values.append(Self.value(name, "cloudevent", event.structuredJSON)) }
        }
        #expect(try await Self.check(values) == "")
    }

    @Test(
        "refuse what readers would refuse",
        .enabled("needs the Python packages jsonschema and referencing") {
            await Python.has("jsonschema", "referencing")
        }
    )
    func refuseBroken() async throws {
        var values: [JSONValue] = []
        for type in EventType.allCases where type.isEvent {
            var data = try Fixtures.event(type).data
            data["counts"] = nil
            values.append(Self.value("no counts", type.rawValue, data, valid: false))
            data = try Fixtures.event(type).data
            data["phase"] = "sleeping"
            values.append(Self.value("no such phase", type.rawValue, data, valid: false))
        }
        var submitted = try #require(try Fixtures.submitted.event.data)
        submitted["task"]?["password"] = "x"
        values.append(Self.value("a password in a task", EventType.taskSubmitted.rawValue, submitted, valid: false))
        #expect(try await Self.check(values) == "")
    }

    @Test(
        "and the parser agree about requests",
        .enabled("needs the Python packages jsonschema and referencing") {
            await Python.has("jsonschema", "referencing")
        }
    )
    func agreeAboutRequests() async throws {
        let requests: [JSONValue] = [
            ["images": ["nginx:1.27"]],
            [
                "images": ["nginx:1.27"], "batchSize": 10, "priority": 5, "nodeSelector": ["a": "b"], "maxRetries": 3,
                "retryStrategy": "linear", "retryDelay": 30, "webhookUrl": "http://example.com/x",
                "registry": "harbor.example.com",
                "username": "robot", "password": "secret",
            ],
            [
                "images": [["image": "quay.io/a/b", "secretRef": ["name": "x"]]],
                "registryCredentials": [
                    ["registry": "quay.io", "username": "u", "password": "p"],
                    ["registry": "ghcr.io", "identityToken": "t"],
                    ["registry": "gcr.io", "secretRef": ["name": "n"]],
                    ["dockerConfigJson": ["auths": ["r.example.com": ["auth": "YTpi"]]]],
                ],
            ],
            [
                "images": ["nginx"],
                "nodes": [
                    "names": ["n1"], "tolerations": [["key": "k", "operator": "Exists", "effect": "NoSchedule"]],
                    "matchExpressions": [["key": "zone", "operator": "In", "values": ["a"]]],
                ],
            ],
            [
                "images": ["nginx"], "failureTolerance": 0.5, "checks": [], "strategy": "kubelet",
                "webhookEvents": ["node.failed"],
            ],
            [:], [], ["images": []], ["images": "nginx"], ["images": [1]], ["images": ["nginx"], "prioritty": 5],
            ["images": ["nginx"], "priority": 11], ["images": ["nginx"], "batchSize": 0],
            ["images": ["nginx"], "maxRetries": 1.5],
            ["images": ["nginx"], "registryCredentials": [["registry": "quay.io"]]],
            ["images": ["nginx"], "registryCredentials": [["registry": "quay.io", "username": "u"]]],
            [
                "images": ["nginx"],
                "registryCredentials": [["registry": "quay.io", "secretRef": ["name": "n"], "identityToken": "t"]],
            ],
            ["images": ["nginx"], "strategy": "teleport"], ["images": ["nginx"], "webhookEvents": ["task.exploded"]],
            ["images": ["nginx"], "webhookUrl": "ftp://x"], ["images": ["nginx"], "project": "Not A Label"],
            ["images": ["nginx"], "nodes": ["name": "n1"]],
        ]
        var values: [JSONValue] = []
        for (index, request) in requests.enumerated() {
            let parsed = try? TaskRequest.parse(request, channel: .http, defaults: RequestDefaults())
            values.append(Self.value("request \(index)", "task-request", request, valid: parsed != nil))
        }
        #expect(values.filter { $0["valid"] == true }.count == 5)
        #expect(try await Self.check(values) == "")
    }
}
