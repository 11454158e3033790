import DeploymentSupport
import Testing
import WireFormats

/// How the suite reads what it is told of somebody's cluster.
@Suite("The suite's own settings")
struct TestTargetTests {
    @Test("Registries are read with their accounts and paths")
    func registries() throws {
        let text = "robot:pw@a.example.com:5000/team/x, b.example.com,rob%40x:p%3A%2C%2F@c.example.com"
        let accounts = try RegistryAccount.parse(text).get()
        #expect(accounts.map(\.host) == ["a.example.com:5000", "b.example.com", "c.example.com"])
        #expect(accounts.map(\.path) == ["team/x", "", ""])
        #expect(accounts.map(\.username) == ["robot", "", "rob@x"])
        #expect(accounts.map(\.password) == ["pw", "", "p:,/"])
    }

    @Test(
        "What is no list of registries is refused, without its password",
        arguments: [
            "", ",", "user@a", "user:@a", ":secret@a", "u:secret:x@a", "u:secret@", "u:secret@a@b", "u:secret%2@a",
            "u:secret%zz@a",
        ]
    )
    func noRegistries(_ text: String) {
        let error = #expect(throws: (any Error).self) { try RegistryAccount.parse(text).get() }
        #expect(error.map { "\($0)".contains("secret") } == false)
    }

    @Test("Nodes are chosen by labels, readiness and taints")
    func nodes() {
        func node(_ name: String, _ labels: JSONValue, _ spec: JSONValue = [:], ready: String = "True") -> JSONValue {
            [
                "metadata": ["name": .string(name), "labels": labels], "spec": spec,
                "status": ["conditions": [["type": "Ready", "status": .string(ready)]]],
            ]
        }
        let taint: JSONValue = ["key": "gpu", "value": "a", "effect": "NoSchedule"]
        let list: JSONValue = [
            "items": [
                node("plain", ["pool": "x"]), node("other", ["pool": "y"]),
                node("away", ["pool": "x"], ready: "Unknown"),
                node("cordoned", ["pool": "x"], ["unschedulable": true]),
                node("tainted", ["pool": "x"], ["taints": [taint]]),
                node("soft", ["pool": "x"], ["taints": [["key": "a", "effect": "PreferNoSchedule"]]]),
            ]
        ]
        let expected: [(labels: String, tolerations: String, nodes: Set<String>)] = [
            ("", "", ["plain", "other", "soft"]), ("pool=x", "", ["plain", "soft"]), ("pool=z", "", []),
            ("pool=x", "gpu", ["plain", "soft", "tainted"]),
            ("pool=x", "gpu=a:NoSchedule", ["plain", "soft", "tainted"]),
            ("pool=x", "gpu=b:NoSchedule", ["plain", "soft"]), ("pool=x", "gpu=a:NoExecute", ["plain", "soft"]),
        ]
        for (labels, tolerations, nodes) in expected {
            #expect(NodeChoice(labels: labels, tolerations: tolerations).nodes(among: list) == nodes)
        }
    }

    @Test("A request is for the chosen nodes, unless it names some")
    func requests() {
        let choice = NodeChoice(labels: "pool=x,zone=", tolerations: "gpu=a:NoSchedule,other")
        let nodes: JSONValue = [
            "matchLabels": ["pool": "x", "zone": ""],
            "tolerations": [
                ["key": "gpu", "operator": "Equal", "value": "a", "effect": "NoSchedule"],
                ["key": "other", "operator": "Exists"],
            ],
        ]
        #expect(choice.applied(to: ["images": []]) == ["images": [], "nodes": nodes])
        #expect(choice.applied(to: ["nodes": ["names": ["n"]]]) == ["nodes": ["names": ["n"]]])
        #expect(choice.applied(to: ["nodeSelector": [:]]) == ["nodeSelector": [:], "nodes": nodes])
        #expect(NodeChoice().applied(to: ["nodeSelector": [:]]) == ["nodeSelector": [:]])
    }
}
