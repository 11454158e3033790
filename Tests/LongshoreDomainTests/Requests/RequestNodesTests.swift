import LongshoreDomain
import Testing
import WireFormats

@Suite("A request's nodes") struct RequestNodesTests {
    @Test("are selected by both forms of labels together")
    func merged() throws {
        let request = try request(
            """
            {"images": ["a"], "nodeSelector": {"a": "1", "b": "2"},
             "nodes": {"names": ["n2", "n1.example.com"], "matchLabels": {"b": "2", "c": ""}, "includeCordoned": true,
              "matchExpressions": [{"key": "gpu", "operator": "In", "values": ["a100", "h100"]},
               {"key": "x/y", "operator": "Exists"}, {"key": "z", "operator": "DoesNotExist", "values": []}],
              "tolerations": [{"operator": "Exists"}, {"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}}
            """
        )
        let selection = request.nodeSelection
        #expect(selection.names == ["n2", "n1.example.com"])
        #expect(selection.selector.matchLabels == ["a": "1", "b": "2", "c": ""])
        #expect(selection.selector.matchExpressions.map(\.operator) == [.isIn, .exists, .doesNotExist])
        #expect(selection.includeCordoned)
        #expect(
            selection.podTolerations == [
                Toleration(key: nil), Toleration(key: "gpu", operator: .equal, value: "yes", effect: .noSchedule),
                Toleration(key: "node.kubernetes.io/unschedulable", effect: .noSchedule),
            ]
        )
    }

    @Test("that contradict themselves are refused")
    func contradictions() {
        #expect(
            faults(["images": ["a"], "nodeSelector": ["k": "1"], "nodes": ["matchLabels": ["k": "2"]]])
                == ["/nodes/matchLabels/k conflict"]
        )
        #expect(faults("nodes", ["names": ["n1", "n1"]]) == ["/nodes/names/1 duplicate"])
    }

    @Test(
        "refuse what Kubernetes would",
        arguments: [
            (
                ["names": ["N1", "", "a..b", 1, .string(String(repeating: "a", count: 254))]],
                [
                    "/names/0 invalidValue", "/names/1 invalidValue", "/names/2 invalidValue", "/names/3 wrongType",
                    "/names/4 tooLong",
                ]
            ),
            (["labels": [:]], ["/labels unknownField"]),
            (["includeCordoned": "yes"], ["/includeCordoned wrongType"]),
            (
                ["matchExpressions": [[:]]],
                ["/matchExpressions/0/key required", "/matchExpressions/0/operator required"]
            ),
            (
                ["matchExpressions": [["key": "a", "operator": "Gt", "values": ["1"]]]],
                ["/matchExpressions/0/operator invalidValue"]
            ),
            (["matchExpressions": [["key": "a", "operator": "In"]]], ["/matchExpressions/0/values required"]),
            (
                ["matchExpressions": [["key": "a", "operator": "NotIn", "values": []]]],
                ["/matchExpressions/0/values required"]
            ),
            (
                ["matchExpressions": [["key": "a", "operator": "Exists", "values": ["x"]]]],
                ["/matchExpressions/0/values conflict"]
            ),
            (
                ["matchExpressions": [["key": "a b", "operator": "In", "values": ["-x", 1]]]],
                [
                    "/matchExpressions/0/key invalidLabel", "/matchExpressions/0/values/0 invalidLabel",
                    "/matchExpressions/0/values/1 wrongType",
                ]
            ),
            (["tolerations": [["operator": "Equal"]]], ["/tolerations/0/key required"]),
            (["tolerations": [[:]]], ["/tolerations/0/key required"]),
            (["tolerations": [["key": "a", "operator": "Exists", "value": "x"]]], ["/tolerations/0/value conflict"]),
            (
                ["tolerations": [["key": "a", "effect": "Sometimes", "tolerationSeconds": 1]]],
                ["/tolerations/0/tolerationSeconds unknownField", "/tolerations/0/effect invalidValue"]
            ),
        ] as [(JSONValue, [String])]
    )
    func refused(nodes: JSONValue, expected: [String]) {
        #expect(faults("nodes", nodes) == expected.map { "/nodes" + $0 })
    }

    @Test("are not too many")
    func tooMany() {
        let names = JSONValue.array((0..<5_001).map { .string("n\($0)") })
        #expect(faults("nodes", ["names": names]) == ["/nodes/names tooMany"])
        let requirement: JSONValue = ["key": "a", "operator": "Exists"]
        #expect(
            faults("nodes", ["matchExpressions": .array(Array(repeating: requirement, count: 33))])
                == ["/nodes/matchExpressions tooMany"]
        )
    }
}
