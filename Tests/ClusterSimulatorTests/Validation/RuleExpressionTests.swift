import Testing
import WireFormats

@testable import ClusterSimulator

@Suite struct RuleExpressionTests {
    private static let names: [String: JSONValue] = [
        "self": ["a": 1, "b": "text", "c": [1, 2], "d": ["x": "y"], "n": 1.5, "t": true, "u": [["k": 1], "text"]],
        "oldSelf": ["a": 2, "u": [["k": 1], "text"]],
    ]

    @Test(
        arguments: [
            ("self.a == 1", true), ("self.a == oldSelf.a", false), ("self.a < oldSelf.a && self.a <= 1", true),
            ("has(self.a) == has(oldSelf.a) && (!has(self.a) || self.a == oldSelf.a)", false),
            ("has(self.b) == has(oldSelf.b)", false), ("!has(self.z)", true), ("self.z == 1 || self.a == 1", true),
            ("self.a == 1 || self.z == 1", true), ("self.a == 2 && self.z == 1", false),
            ("self.b.startsWith('te') && self.b.endsWith(\"xt\") && self.b.contains('ex')", true),
            ("self.b.matches('^t.*t$')", true), ("size(self.c) == 2 && self.c.size() == 2 && size(self.b) == 4", true),
            ("self.c.all(x, x > 0)", true), ("self.c.exists(x, x > 1)", true), ("self.c.exists_one(x, x > 0)", false),
            ("1 in self.c && !(3 in self.c) && 'x' in self.d", true), ("self.d['x'] == 'y' && self.c[1] == 2", true),
            ("self.n > 1.4 && self.n * 1.0 > 1.0", nil), ("self.n == 1.5", true), ("self.a + 1 == 2", true),
            ("self.t ? self.a == 1 : self.a == 2", true), ("-self.a == -1", true), ("[1, 2] == self.c", true),
            ("self.u == oldSelf.u", true), ("self == oldSelf", false), ("self == self", true),
            ("self.map(x, x)", nil), ("string(self.a) == '1'", nil), ("self.a ==", nil), ("self.?a.hasValue()", nil),
            ("self.b == 'unended", nil), ("duration('1s') < duration('2s')", nil), ("a.b(1, 2)", nil),
        ] as [(String, Bool?)]
    )
    func `A rule gives what CEL gives, and what is not understood is refused`(_ text: String, _ expected: Bool?) throws
    {
        guard let expression = try? RuleExpression(parsing: text) else {
            #expect(expected == nil)
            return
        }
        #expect(try expression.truth(Self.names) == expected)
    }

    // MARK: Definitions

    private func definitionFaults(_ rule: JSONValue, at path: String = "root") -> [String] {
        let strings: JSONValue = ["type": "array", "maxItems": 2, "items": ["type": "string", "maxLength": 9]]
        let open: JSONValue = ["type": "array", "items": ["x-kubernetes-preserve-unknown-fields": true]]
        var element: JSONValue = ["type": "object", "properties": ["v": ["type": "integer"]]]
        if path == "element" { element["x-kubernetes-validations"] = [rule] }
        var schema: JSONValue = [
            "type": "object",
            "properties": [
                "n": ["type": "integer"], "s": ["type": "string"], "l": strings, "open": open,
                "o": ["type": "object", "properties": ["in": ["type": "boolean"]]],
                "atomic": ["type": "array", "items": element],
            ],
        ]
        if path == "root" { schema["x-kubernetes-validations"] = [rule] }
        return StructuralSchema(schema).ruleFaults(path: "schema").map(\.description)
    }

    @Test(
        arguments: [
            ("self.n > 1", nil), ("self.n == oldSelf.n", nil), ("self == oldSelf", nil), ("has(self.o.in)", "Syntax"),
            ("self.open == oldSelf.open", "undefined field 'open'"), ("self.z == 1", "undefined field 'z'"),
            ("self.n.x == 1", "does not support field selection"), ("self.n == self.s", "found no matching overload"),
            ("self.n", "must evaluate to a bool"), ("other == 1", "undeclared reference to 'other'"),
            ("self.l.all(x, x.startsWith('a'))", nil), ("self.l.all(x, x == 1)", "found no matching overload"),
        ] as [(String, String?)]
    )
    func `A definition whose rule cannot be held to is refused`(_ rule: String, _ expected: String?) {
        let faults = definitionFaults(["rule": .string(rule)])
        #expect(faults.isEmpty == (expected == nil), "\(faults)")
        if let expected { #expect(faults.first?.contains(expected) == true, "\(faults)") }
    }

    @Test func `Fields and reasons that are not there, and changes of what cannot be found again, are refused`() {
        #expect(definitionFaults(["rule": "self.n > 1", "fieldPath": ".n", "reason": "FieldValueForbidden"]).isEmpty)
        #expect(definitionFaults(["rule": "self.n > 1", "fieldPath": ".open"]).isEmpty)
        #expect(definitionFaults(["rule": "self.n > 1", "fieldPath": ".z"]).count == 1)
        #expect(definitionFaults(["rule": "self.n > 1", "reason": "Because"]).count == 1)
        #expect(definitionFaults(["rule": "self.n > 1", "optionalOldSelf": true]).count == 1)
        #expect(definitionFaults(["rule": "self.v > 1"], at: "element").isEmpty)
        #expect(definitionFaults(["rule": "self.v == oldSelf.v"], at: "element").count == 1)
    }

    // MARK: Objects

    @Test func `Rules hold for objects, and those about changes only where there was something before`() {
        let keyed: JSONValue = [
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": [
                "type": "object", "properties": ["k": ["type": "string"], "v": ["type": "integer"]],
                "x-kubernetes-validations": [["rule": "self.v >= oldSelf.v", "message": "must not fall"]],
            ],
        ]
        let schema = StructuralSchema([
            "type": "object",
            "properties": [
                "n": [
                    "type": "integer",
                    "x-kubernetes-validations": [
                        ["rule": "self == oldSelf"], ["rule": "self > 0", "message": "small"],
                    ],
                ],
                "l": keyed,
            ],
            "x-kubernetes-validations": [
                [
                    "rule": "has(self.n) == has(oldSelf.n)", "fieldPath": ".n", "reason": "FieldValueForbidden",
                    "message": "stays",
                ]
            ],
        ])
        func broken(_ new: JSONValue, _ old: JSONValue?) -> [String] {
            schema.brokenRules(new, old: old, path: "spec").map(\.description)
        }
        #expect(broken(["n": 1], nil) == [])
        #expect(broken(["n": 0], nil) == ["spec.n: Invalid value: \"integer\": small"])
        #expect(broken(["n": 2], ["n": 1]) == ["spec.n: Invalid value: \"integer\": failed rule: self == oldSelf"])
        #expect(broken([:], ["n": 1]) == ["spec.n: Forbidden: stays"])
        #expect(broken(["n": 1], [:]) == ["spec.n: Forbidden: stays"])
        let old: JSONValue = ["l": [["k": "a", "v": 2], ["k": "b", "v": 2]]]
        #expect(
            broken(["l": [["k": "b", "v": 2], ["k": "c", "v": 0], ["k": "a", "v": 1]]], old)
                == ["spec.l[2]: Invalid value: \"object\": must not fall"]
        )
    }
}
