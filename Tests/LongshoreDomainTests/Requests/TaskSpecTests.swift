import LongshoreDomain
import Testing
import WireFormats

@Suite("A task's spec") struct TaskSpecTests {
    private static let full = """
        {"images": ["nginx", {"image": "h.io/a:1", "secretRef": {"name": "own"}}], "nodeSelector": {"z": "1"},
         "nodes": {"names": ["n1"], "matchLabels": {"a": "1"}, "matchExpressions": [{"key": "k", "operator": "NotIn",
          "values": ["v"]}], "includeCordoned": true, "tolerations": [{"key": "t", "operator": "Exists"},
          {"key": "u", "value": "w", "effect": "NoExecute"}]},
         "registryCredentials": [{"registry": "docker.io", "username": "canary-user", "password": "canary-password"},
          {"registry": "h.io", "secretRef": {"name": "mine"}}],
         "overrides": [{"matchLabels": {"r": "x"}, "matchExpressions": [{"key": "k", "operator": "Exists"}],
          "images": [{"component": "registry", "operator": "replace", "value": "m.io"}],
          "secrets": [{"component": "secretName", "operator": "replace", "value": "s"}]}],
         "priority": 9, "batchSize": 3, "failureTolerance": 2, "timeoutSeconds": 1, "deadlineSeconds": 2, "maxRetries": 3,
         "retryStrategy": "exponential", "retryDelay": 4, "retryMaxDelaySeconds": 5, "pullPolicy": "Always",
         "strategy": "kubelet", "checks": ["disk"], "webhookUrl": "https://h/x", "webhookEvents": ["node.failed"],
         "project": "p", "cluster": "c", "labels": {"l": "m"}, "ttlSecondsAfterFinished": 0}
        """

    private func spec(_ text: String) throws -> TaskSpec {
        TaskSpec(request: try request(text)) { "pull-\($0.host)" }
    }

    @Test("survives its JSON form", arguments: [full, #"{"images":["nginx"]}"#])
    func roundTrip(text: String) throws {
        let spec = try spec(text)
        let bytes = spec.json.serialized()
        #expect(try TaskSpec(json: JSONValue(parsing: bytes)) == spec)
        #expect(
            try TaskSpec(json: JSONValue(parsing: bytes)).json.serialized(sortedKeys: true)
                == spec.json.serialized(sortedKeys: true)
        )
    }

    @Test("holds references in the place of every credential")
    func references() throws {
        let spec = try spec(Self.full)
        let text = spec.json.text()
        #expect(!text.contains("canary"))
        #expect(
            spec.credentials == [
                CredentialReference(
                    scope: try RegistryScope(parsing: "docker.io"),
                    secretName: "pull-docker.io",
                    isManaged: true
                ),
                CredentialReference(scope: try RegistryScope(parsing: "h.io"), secretName: "mine", isManaged: false),
            ]
        )
    }

    @Test("is itself a request for a PullTask where its Secrets are the user's own")
    func asPullTask() throws {
        let text = Self.full.replacing(
            #""username": "canary-user", "password": "canary-password""#,
            with: #""secretRef": {"name": "hub"}"#
        )
        let spec = try spec(text)
        let again = try TaskRequest.parse(spec.json, channel: .pullTask)
        #expect(TaskSpec(request: again) { _ in "unused" } == spec)
        // The mark of a task's own Secrets is not a user's to set.
        let own = try self.spec(Self.full)
        #expect(faults(own.json, channel: .pullTask) == ["/registryCredentials/0/managed unknownField"])
    }

    @Test("is read by services that do not know all of its fields")
    func unknownFields() throws {
        var json = try spec(Self.full).json
        json["newSetting"] = ["x": 1]
        json["nodes"]?["newer"] = true
        #expect(try TaskSpec(json: json) == spec(Self.full))
    }

    @Test(
        "that is damaged is refused with the place",
        arguments: [
            ("images", 5, "/images"), ("images", ["A B"], "/images/0"),
            ("images", [["image": "A B"]], "/images/0/image"),
            ("priority", "x", "/priority"), ("retryStrategy", "x", "/retryStrategy"),
            (
                "registryCredentials", [["registry": "x y", "secretRef": ["name": "s"]]],
                "/registryCredentials/0/registry"
            ),
            ("registryCredentials", [["registry": "h.io"]], "/registryCredentials/0/secretRef"),
            ("nodes", ["matchExpressions": [["key": "a", "operator": "x"]]], "/nodes/matchExpressions/0/operator"),
            ("failureTolerance", -1, "/failureTolerance"), ("images", nil, "/images"),
        ] as [(String, JSONValue, String)]
    )
    func damaged(field: String, value: JSONValue, pointer: String) throws {
        var json = try spec(#"{"images":["nginx"]}"#).json
        json[field] = value
        let error = #expect(throws: JSONMappingError.self) { try TaskSpec(json: json) }
        #expect(error?.pointer.description == pointer)
    }

    @Test(
        "tolerates failures by share or number",
        arguments: [
            (FailureTolerance.ratio(0), 0, 10, true), (.ratio(0), 1, 10, false), (.ratio(0.1), 1, 10, true),
            (.ratio(0.1), 2, 10, false), (.ratio(0.3), 3, 10, true), (.ratio(0.7), 7, 10, true),
            (.ratio(0.1), 1, 9, false),
            (.count(2), 2, 3, true), (.count(2), 3, 3, false), (.ratio(0.5), 0, 0, true),
        ]
    )
    func tolerance(tolerance: FailureTolerance, failed: Int, total: Int, allowed: Bool) {
        #expect(tolerance.allows(failed: failed, of: total) == allowed)
    }

    @Test("reads what commands have asked for apart")
    func control() throws {
        let control = TaskControl(cancelRequested: true, paused: true, retryRequest: 3)
        #expect(try TaskControl(json: control.json) == control)
        #expect(try TaskControl(json: ["images": []]) == TaskControl())
        #expect(TaskControl().json == [:])
    }
}
