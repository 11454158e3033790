import Testing
import WireFormats

@testable import ClusterSimulator

@Suite struct SelectorTests {
    private let labels: JSONObject = ["a": "1", "app.kubernetes.io/name": "x", "empty": ""]

    @Test(arguments: [
        ("", true), ("a=1", true), ("a==1", true), ("a!=1", false), ("b!=1", true), ("a", true), ("!a", false),
        ("!b", true), ("a in (1,2)", true), ("a in (2, 3)", false), ("a notin (2)", true), ("b in (1)", false),
        ("a=1,app.kubernetes.io/name in (x,y),!b", true), ("a=1,b", false), ("empty=", true), (" a = 1 ", true),
    ])
    func `Label selectors select as kubectl's do`(_ text: String, _ expected: Bool) throws {
        let selector = try #require(LabelSelector(parsing: text))
        #expect(selector.matches(labels) == expected)
    }

    @Test(arguments: ["=", "a=b=c", "a in 1", "a in (1", "a b", "!", "a=&", "-a=1", ",a"])
    func `Malformed label selectors are refused`(_ text: String) {
        #expect(LabelSelector(parsing: text) == nil)
    }

    @Test func `The object form knows numbers, too`() {
        let selector = LabelSelector(json: [
            "matchLabels": ["a": "1"],
            "matchExpressions": [
                ["key": "a", "operator": "Gt", "values": ["0"]], ["key": "z", "operator": "DoesNotExist"],
            ],
        ])
        #expect(selector.matches(labels))
        #expect(!selector.matches(["a": "0"]))
    }

    @Test func `Field selectors know the fields of their resource and no others`() throws {
        let pod: JSONValue = [
            "metadata": ["name": "p", "namespace": "n"], "spec": ["nodeName": "x"], "status": ["phase": "Running"],
        ]
        func matches(_ text: String) throws -> Bool {
            try FieldSelector(parsing: text, resource: .pods, extraFields: []).matches(pod)
        }
        #expect(try matches("spec.nodeName=x,status.phase!=Succeeded,status.phase!=Failed"))
        #expect(try !matches("spec.nodeName=,metadata.name=p"))
        #expect(try matches("metadata.namespace==n"))
        let error = try #require(throws: APIStatusError.self) { try matches("spec.priority=1") }
        #expect(error.code == 400)
        #expect(error.message == "field label not supported: spec.priority")
    }

    @Test func `Node pins and tolerations are read from the specification`() {
        let placement = PodPlacement([
            "nodeSelector": ["zone": "a"],
            "affinity": [
                "nodeAffinity": [
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        "nodeSelectorTerms": [
                            ["matchFields": [["key": "metadata.name", "operator": "In", "values": ["n1"]]]]
                        ]
                    ]
                ]
            ],
            "tolerations": [
                ["key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5],
                ["operator": "Equal", "key": "gpu", "value": "yes"],
            ],
        ])
        #expect(placement.pinnedNames == ["n1"])
        #expect(placement.accepts(name: "n1", labels: ["zone": "a"]))
        #expect(!placement.accepts(name: "n2", labels: ["zone": "a"]))
        #expect(!placement.accepts(name: "n1", labels: [:]))
        #expect(placement.tolerates(["key": "gpu", "value": "yes", "effect": "NoSchedule"]))
        #expect(!placement.tolerates(["key": "gpu", "value": "no", "effect": "NoSchedule"]))
        #expect(placement.tolerationSeconds(["key": "k", "effect": "NoExecute"]) == .some(5))
        #expect(placement.tolerationSeconds(["key": "other", "effect": "NoExecute"]) == nil)
        #expect(!placement.toleratesCordon)
    }
}
