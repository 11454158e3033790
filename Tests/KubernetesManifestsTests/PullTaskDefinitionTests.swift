import KubernetesAPI
import KubernetesManifests
import Testing
import WireFormats

@testable import LongshoreDomain

@Suite struct PullTaskDefinitionTests {
    private let definition: JSONValue
    private let spec: StructuralSchema
    private let status: StructuralSchema

    init() throws {
        definition = try YAMLDocument.parse(KubernetesManifests.customResourceDefinition)
        let version = try #require(definition["spec"]?["versions"]?[0])
        let schema = StructuralSchema(json: version["schema"]?["openAPIV3Schema"] ?? .null)
        spec = schema["spec"]
        status = schema["status"]
    }

    /// A PullTask's spec with everything in it that one can have.
    private static let full: JSONValue = [
        "images": ["nginx:1.27", ["image": "harbor.example.com/ml/train:v3", "secretRef": ["name": "ml-robot"]]],
        "nodeSelector": ["workload": "gpu"],
        "nodes": [
            "names": ["n1"], "matchLabels": ["a": "b"],
            "matchExpressions": [["key": "zone", "operator": "NotIn", "values": ["x"]]], "includeCordoned": true,
            "tolerations": [["key": "gpu", "operator": "Exists", "effect": "NoSchedule"]],
        ],
        "registryCredentials": [["registry": "quay.io/team", "secretRef": ["name": "quay-pull"]]],
        "overrides": [
            [
                "matchLabels": ["region": "hz"], "matchExpressions": [["key": "x", "operator": "Exists"]],
                "images": [["component": "registry", "operator": "replace", "value": "hz.example.com"]],
                "secrets": [["component": "secretName", "operator": "replace", "value": "hz-secret"]],
            ]
        ],
        "priority": 9, "batchSize": 1_000, "failureTolerance": 0.1, "timeoutSeconds": 300, "deadlineSeconds": 7_200,
        "maxRetries": 2, "retryStrategy": "exponential", "retryDelay": 30, "retryMaxDelaySeconds": 600,
        "pullPolicy": "IfNotPresent", "strategy": "imageVolume", "checks": ["registry", "disk"],
        "webhookUrl": "https://ci.example.com/hook", "webhookEvents": ["task.succeeded", "node.failed"],
        "project": "team", "cluster": "east", "labels": ["a": "b"], "ttlSecondsAfterFinished": 0,
        "cancelRequested": false, "paused": true, "retryRequest": 3,
    ]

    @Test func `the name, the scope and the short name are those of the contract`() {
        let spec = definition["spec"] ?? .null
        #expect(definition["metadata"]?["name"] == "pulltasks.longshore.dev")
        #expect(spec["group"] == "longshore.dev")
        #expect(spec["scope"] == "Namespaced")
        #expect(spec["names"]?["kind"] == "PullTask")
        #expect(spec["names"]?["shortNames"] == ["pt"])
        #expect(spec["versions"]?[0]?["name"] == "v1")
        #expect(spec["versions"]?[0]?["subresources"]?["status"] == [:])
        let columns = spec["versions"]?[0]?["additionalPrinterColumns"]?.array?.compactMap { $0["name"]?.string }
        #expect(columns?.prefix(6) == ["Phase", "Nodes", "Ready", "Failed", "Images", "Age"])
    }

    @Test func `a spec has exactly the fields that its reader knows, without the one for passwords`() {
        let fields = Set(RequestParser.fields + TaskControl.fields).subtracting(["registry", "username", "password"])
        #expect(Set(spec.members) == fields)
    }

    @Test func `a full spec is stored whole and read by the same rules`() throws {
        #expect(spec.faults(of: Self.full) == [])
        _ = try TaskRequest.parse(
            Self.full,
            channel: .pullTask,
            defaults: RequestDefaults(project: "default", cluster: "default")
        )
    }

    @Test func `what an executor writes is stored whole`() throws {
        let request = try TaskRequest.parse(
            Self.full,
            channel: .pullTask,
            defaults: RequestDefaults(project: "default", cluster: "default")
        )
        var written = TaskSpec(request: request) { "pull-\($0.host)" }
        written.credentials += [
            CredentialReference(scope: try RegistryScope(parsing: "ghcr.io"), secretName: "pull-a-1", isManaged: true)
        ]
        #expect(spec.faults(of: written.json) == [])
        let least = TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx"))])
        #expect(spec.faults(of: least.json) == [])
        var commanded = least.json
        for (key, value) in TaskControl(cancelRequested: true, paused: true, retryRequest: 1).json.object ?? [:] {
            commanded[key] = value
        }
        #expect(spec.faults(of: commanded) == [])
    }

    @Test func `a password in any place is not stored`() {
        var damaged = Self.full
        damaged["password"] = "hunter2"
        damaged["registryCredentials"] = [
            ["registry": "quay.io", "username": "u", "password": "hunter2", "secretRef": ["name": "a"]]
        ]
        let dropped = spec.faults(of: damaged).filter { $0.contains("password would be dropped") }
        #expect(dropped.count == 2)
    }

    /// Text or object has no type in a structural schema, and nothing is dropped where there is none.
    @Test func `an image has the fields that are known and no other`() {
        let fine: [JSONValue] = [
            "nginx", ["image": "nginx"], ["image": "nginx", "secretRef": ["name": "a"]],
        ]
        let refused: [JSONValue] = [
            ["image": "nginx", "password": "hunter2"], ["secretRef": ["name": "a"]], ["password": "hunter2"],
            ["image": "nginx", "secretRef": ["name": "a"], "password": "hunter2"], [:], ["hunter2"], 5, -5, "", true,
            false,
            ["image": "nginx", "secretRef": ["name": "a", "password": "hunter2"]],
            ["image": ["password": "hunter2"]], ["image": "nginx", "secretRef": "hunter2"],
        ]
        for image in fine { #expect(spec.faults(of: ["images": [image]]) == [], "\(image)") }
        for image in refused { #expect(spec.faults(of: ["images": [image]]) != [], "\(image)") }
        let column = definition["spec"]?["versions"]?[0]?["additionalPrinterColumns"]?.array?
            .first { $0["name"] == "Images" }
        #expect(column?["jsonPath"] == ".status.images")
        #expect(status["images"].json["type"] == "string")
    }

    static let ranges: [(String, ClosedRange<Int>)] = [
        ("priority", RequestLimits.priority), ("batchSize", RequestLimits.batchSize),
        ("maxRetries", RequestLimits.maxRetries), ("retryDelay", RequestLimits.retryDelaySeconds),
        ("retryMaxDelaySeconds", RequestLimits.retryMaxDelaySeconds),
        ("timeoutSeconds", RequestLimits.timeoutSeconds), ("deadlineSeconds", RequestLimits.deadlineSeconds),
        ("ttlSecondsAfterFinished", RequestLimits.ttlSecondsAfterFinished),
        ("failureTolerance", 0...RequestLimits.toleratedNodes),
    ]

    @Test(arguments: ranges) func `numbers have the limits of requests`(field: String, range: ClosedRange<Int>) {
        #expect(spec[field].range == range)
    }

    @Test func `lists have the limits of requests`() {
        func most(_ schema: StructuralSchema) -> Int? {
            schema.json["maxItems"]?.integer ?? schema.json["maxProperties"]?.integer
        }
        #expect(most(spec["images"]) == RequestLimits.images)
        #expect(spec["images", "[]"].json["maxLength"]?.integer == ImageReference.maximumLength)
        #expect(most(spec["registryCredentials"]) == RequestLimits.credentials)
        #expect(most(spec["overrides"]) == RequestLimits.overrides)
        #expect(most(spec["overrides", "[]", "images"]) == RequestLimits.overrideRules)
        #expect(most(spec["labels"]) == RequestLimits.labels)
        #expect(most(spec["nodeSelector"]) == RequestLimits.labels)
        #expect(most(spec["nodes", "names"]) == RequestLimits.nodeNames)
        #expect(most(spec["nodes", "tolerations"]) == RequestLimits.tolerations)
        for place in [spec["nodes"], spec["overrides", "[]"]] {
            #expect(most(place["matchLabels"]) == RequestLimits.labels)
            #expect(most(place["matchExpressions"]) == RequestLimits.expressions)
            #expect(most(place["matchExpressions", "[]", "values"]) == RequestLimits.expressionValues)
        }
        #expect(spec["webhookUrl"].json["maxLength"]?.integer == RequestLimits.webhookURLBytes)
        #expect(spec["registryCredentials", "[]", "registry"].json["maxLength"]?.integer == RegistryScope.maximumLength)
    }

    @Test func `choices are those of requests`() {
        func names<Choice: RawRepresentable<String> & CaseIterable>(_ type: Choice.Type) -> [String] {
            type.allCases.map(\.rawValue)
        }
        #expect(spec["pullPolicy"].choices == names(PullPolicy.self))
        #expect(spec["strategy"].choices == names(PullStrategy.self))
        #expect(spec["checks", "[]"].choices == names(TaskCheck.self))
        #expect(Set(spec["webhookEvents", "[]"].choices) == Set(WebhookEventNames.all))
        #expect(spec["nodes", "tolerations", "[]", "effect"].choices == names(LongshoreDomain.Taint.Effect.self))
        #expect(
            spec["nodes", "tolerations", "[]", "operator"].choices == names(LongshoreDomain.Toleration.Operator.self)
        )
        let rules = spec["overrides", "[]", "images", "[]"]
        #expect(rules["component"].choices == names(NodeOverride.ImageRule.Component.self))
        #expect(rules["operator"].choices == names(NodeOverride.ImageRule.Operator.self))
        for place in [spec["nodes"], spec["overrides", "[]"]] {
            #expect(
                place["matchExpressions", "[]", "operator"].choices == names(LabelSelector.Requirement.Operator.self)
            )
        }
        // A PullTask exists only once its task is queued.
        #expect(Set(status["phase"].choices) == Set(names(TaskPhase.self)).subtracting(["accepting"]))
    }

    @Test func `the status keeps what a newer executor writes`() {
        #expect(status.json["x-kubernetes-preserve-unknown-fields"] == true)
        #expect(status["record"].json["x-kubernetes-preserve-unknown-fields"] == true)
        #expect(status.faults(of: ["somethingNew": 1, "record": ["version": 2, "x": []]]) == [])
    }
}
