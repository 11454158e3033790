import LongshoreDomain
import Testing
import WireFormats

@Suite("A request's overrides") struct RequestOverridesTests {
    typealias Rule = NodeOverride.ImageRule

    @Test(
        "change one part of a reference",
        arguments: [
            (
                Rule(component: .registry, operator: .replace, value: "hz.example.com"), "nginx:1",
                "hz.example.com/library/nginx:1"
            ),
            (Rule(component: .registry, operator: .add, value: ":5000"), "h.io/a:1", "h.io:5000/a:1"),
            (Rule(component: .registry, operator: .remove), "h.io/org/a:1", "docker.io/org/a:1"),
            (Rule(component: .registry, operator: .remove), "h.io/a:1", "docker.io/library/a:1"),
            (Rule(component: .repository, operator: .replace, value: "mirror/a"), "h.io/a:1", "h.io/mirror/a:1"),
            (Rule(component: .repository, operator: .add, value: "-arm64"), "h.io/a:1", "h.io/a-arm64:1"),
            (Rule(component: .tag, operator: .replace, value: "v2"), "h.io/a:1", "h.io/a:v2"),
            (Rule(component: .tag, operator: .add, value: "-slim"), "h.io/a:1", "h.io/a:1-slim"),
            (Rule(component: .tag, operator: .add, value: "v1"), "h.io/a", "h.io/a:v1"),
            (Rule(component: .tag, operator: .remove), "h.io/a:1", "h.io/a:latest"),
            (
                Rule(component: .tag, operator: .replace, value: "v2"), "h.io/a:1@\(ImageReferenceTests.sha256)",
                "h.io/a:v2"
            ),
            (
                Rule(component: .tag, operator: .remove), "h.io/a:1@\(ImageReferenceTests.sha256)",
                "h.io/a@\(ImageReferenceTests.sha256)"
            ),
            (
                Rule(component: .registry, operator: .replace, value: "index.docker.io"), "h.io/a:1",
                "docker.io/library/a:1"
            ),
        ]
    )
    func rules(rule: Rule, image: String, expected: String) throws {
        #expect(try rule.apply(to: ImageReference(parsing: image)).canonical == expected)
    }

    @Test(
        "are refused where they make no reference",
        arguments: [
            Rule(component: .registry, operator: .replace, value: "mirror"),
            Rule(component: .registry, operator: .replace, value: "mirror.io/path"),
            Rule(component: .registry, operator: .replace, value: "user@h.io"),
            Rule(component: .registry, operator: .add, value: "/x"),
            Rule(component: .repository, operator: .replace, value: "A"),
            Rule(component: .repository, operator: .add, value: ":x"),
            Rule(component: .tag, operator: .replace, value: "a b"),
            Rule(component: .tag, operator: .add, value: String(repeating: "x", count: 200)),
        ]
    )
    func badRules(rule: Rule) {
        let override: JSONValue = [["matchLabels": ["a": "b"], "images": [rule.json]]]
        #expect(faults(["images": ["h.io/a:1"], "overrides": override]) == ["/overrides/0/images/0 invalidReference"])
    }

    @Test(
        "that are incomplete are refused",
        arguments: [
            ([:], ["/0 required"]), ("x", ["/0 wrongType"]),
            (["images": [[:]]], ["/0/images/0/component required", "/0/images/0/operator required"]),
            (
                ["images": [["component": "digest", "operator": "swap", "value": "x"]]],
                ["/0/images/0/component invalidValue", "/0/images/0/operator invalidValue"]
            ),
            (["images": [["component": "tag", "operator": "replace"]]], ["/0/images/0/value required"]),
            (["images": [["component": "tag", "operator": "replace", "value": ""]]], ["/0/images/0/value required"]),
            (["images": [["component": "tag", "operator": "remove", "value": "x"]]], ["/0/images/0/value conflict"]),
            (["images": [["component": "repository", "operator": "remove"]]], ["/0/images/0 conflict"]),
            (
                ["secrets": [["component": "secretName", "operator": "add", "value": "s"]]],
                ["/0/secrets/0/operator invalidValue"]
            ),
            (
                ["secrets": [["component": "secretName", "operator": "replace", "value": "S"]]],
                ["/0/secrets/0/value invalidValue"]
            ),
            (
                ["secrets": [["operator": "replace"]]],
                ["/0/secrets/0/component required", "/0/secrets/0/value required"]
            ),
            (
                ["secrets": [["component": "secretName", "operator": "replace", "value": "s"], [:]]],
                ["/0/secrets tooMany"]
            ),
            (["matchLabels": ["-": "x"], "images": []], ["/0/matchLabels/? invalidLabel"]),
        ] as [(JSONValue, [String])]
    )
    func incomplete(override: JSONValue, expected: [String]) {
        #expect(faults("overrides", [override]) == expected.map { "/overrides" + $0 })
    }

    @Test("are not too many")
    func tooMany() {
        let override: JSONValue = ["images": []]
        #expect(faults("overrides", .array(Array(repeating: override, count: 33))) == ["/overrides tooMany"])
        let rule: JSONValue = ["component": "tag", "operator": "add", "value": "x"]
        #expect(
            faults("overrides", [["images": .array(Array(repeating: rule, count: 9))]]) == [
                "/overrides/0/images tooMany"
            ]
        )
    }
}
