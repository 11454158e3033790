import LongshoreDomain
import Testing

@Suite("Label selectors") struct LabelSelectorTests {
    typealias Requirement = LabelSelector.Requirement

    @Test(
        "mean what Kubernetes means",
        arguments: [
            (Requirement(key: "a", operator: .isIn, values: ["1", "2"]), [true, false, false]),
            (Requirement(key: "a", operator: .isNotIn, values: ["1", "2"]), [false, true, true]),
            (Requirement(key: "a", operator: .exists), [true, true, false]),
            (Requirement(key: "a", operator: .doesNotExist), [false, false, true]),
        ]
    )
    func requirements(requirement: Requirement, expected: [Bool]) {
        let labels: [[String: String]] = [["a": "1", "b": "x"], ["a": "3"], ["b": "1"]]
        #expect(labels.map(requirement.matches) == expected)
    }

    @Test("hold only when every part holds, and select everything when empty")
    func all() {
        let selector = LabelSelector(
            matchLabels: ["a": "1", "b": ""],
            matchExpressions: [Requirement(key: "c", operator: .exists)]
        )
        #expect(selector.matches(["a": "1", "b": "", "c": "x"]))
        #expect(!selector.matches(["a": "1", "c": "x"]))
        #expect(!selector.matches(["a": "1", "b": ""]))
        #expect(LabelSelector().matches([:]))
        #expect(LabelSelector().isEmpty)
    }
}
