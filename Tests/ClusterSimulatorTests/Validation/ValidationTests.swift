import Testing
import WireFormats

@testable import ClusterSimulator

@Suite struct ValidationTests {
    // MARK: Secrets

    @Test(
        arguments: [
            ("{\"auths\":{}}", nil), ("null", nil), (" {} ", nil), ("", "unexpected end of JSON input"),
            ("not json", "invalid character 'o' in literal null (expecting 'u')"),
            ("hello", "invalid character 'h' looking for beginning of value"),
            ("[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
            ("\"x\"", "json: cannot unmarshal string into Go value of type map[string]interface {}"),
            ("12", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
            ("true", "json: cannot unmarshal bool into Go value of type map[string]interface {}"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1", "unexpected end of JSON input"),
            ("{\"a\":1]", "invalid character ']' after object key:value pair"),
            ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{\"a\":\"\\x\"}", "invalid character 'x' in string escape code"),
            ("{\"a\":\"\n\"}", "invalid character '\\n' in string literal"),
            ("{\"a\":'b'}", "invalid character '\\'' looking for beginning of value"),
            ("{\"a\":01}", "invalid character '1' after object key:value pair"),
        ] as [(String, String?)]
    )
    func `JSON errors are worded as Go words them`(_ text: String, _ expected: String?) {
        #expect(GoJSONSyntax.objectFault(Array(text.utf8)) == expected)
    }

    private func makeAPI() -> ObjectAPI {
        let store = ObjectStore(historyLimit: 100, controllerSignal: Signal())
        let api = ObjectAPI(store: store, registry: ResourceRegistry())
        try? Bootstrap(objects: api).install(ClusterSimulator.Configuration())
        return api
    }

    private func create(_ api: ObjectAPI, _ json: JSONValue) throws -> JSONValue {
        let kind = json["kind"]?.string ?? ""
        let definition = try #require(api.registry.definition(apiVersion: json["apiVersion"]?.string ?? "", kind: kind))
        return try api.create(definition, namespace: definition.isNamespaced ? "default" : "", json).object.json
    }

    private func secret(_ fields: JSONValue) -> JSONValue {
        MergePatch.apply(fields, to: ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s"]])
    }

    @Test func `A pull Secret without its key or with bad content is refused as by the real API`() {
        let missing = #expect(throws: APIStatusError.self) {
            try create(makeAPI(), secret(["type": "kubernetes.io/dockerconfigjson"]))
        }
        #expect(missing?.code == 422)
        #expect(missing?.message == "Secret \"s\" is invalid: data[.dockerconfigjson]: Required value")
        let bad = #expect(throws: APIStatusError.self) {
            try create(
                makeAPI(),
                secret(["type": "kubernetes.io/dockerconfigjson", "stringData": [".dockerconfigjson": "[]"]])
            )
        }
        #expect(
            bad?.message
                == "Secret \"s\" is invalid: data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": json: cannot unmarshal array into Go value of type map[string]interface {}"
        )
        #expect(bad?.json[path: "details", "causes"]?[0]?["reason"] == "FieldValueInvalid")
        let base64 = #expect(throws: APIStatusError.self) { try create(makeAPI(), secret(["data": ["a": "b!=="]])) }
        #expect(base64?.code == 400)
    }

    @Test func `An immutable Secret keeps its data`() throws {
        let api = makeAPI()
        _ = try create(api, secret(["immutable": true, "stringData": ["a": "b"]]))
        let definition = try #require(api.registry.definition(.secrets))
        let key = ObjectKey(namespace: "default", name: "s")
        let error = #expect(throws: APIStatusError.self) {
            try api.mutate(definition, key, subresource: nil) { MergePatch.apply(["data": ["a": "Yw=="]], to: $0) }
        }
        #expect(
            error?.message == "Secret \"s\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
        )
        _ = try api.mutate(definition, key, subresource: nil) {
            MergePatch.apply(["metadata": ["labels": ["x": "y"]]], to: $0)
        }
    }

    @Test func `Names, labels and identities are checked`() throws {
        let error = #expect(throws: APIStatusError.self) {
            try create(makeAPI(), secret(["metadata": ["name": "Not_Good", "labels": ["a": "b c"]]]))
        }
        #expect(error?.json[path: "details", "causes"]?.array?.count == 2)
        let api = makeAPI()
        let created = try create(api, secret([:]))
        let definition = try #require(api.registry.definition(.secrets))
        let key = ObjectKey(namespace: "default", name: "s")
        let uid = #expect(throws: APIStatusError.self) {
            try api.mutate(definition, key, subresource: nil) { MergePatch.apply(["metadata": ["uid": "x"]], to: $0) }
        }
        #expect(uid?.reason == "Conflict")
        let result = try api.mutate(definition, key, subresource: nil) {
            MergePatch.apply(["metadata": ["creationTimestamp": "2001-01-01T00:00:00Z"]], to: $0)
        }
        #expect(
            result.object.json[path: "metadata", "creationTimestamp"] == created[path: "metadata", "creationTimestamp"]
        )
    }

    // MARK: Pods and Jobs

    private func pod(_ spec: JSONValue, _ name: String = "p") -> JSONValue {
        ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)], "spec": spec]
    }

    @Test func `Pods are defaulted, admitted and validated`() throws {
        let api = makeAPI()
        let created = try create(api, pod(["containers": [["name": "a", "image": "nginx"]]]))
        #expect(created[path: "spec", "containers"]?[0]?["imagePullPolicy"] == "Always")
        #expect(created[path: "spec", "serviceAccountName"] == "default")
        #expect(created[path: "status", "phase"] == "Pending")
        let unknownClass = #expect(throws: APIStatusError.self) {
            try create(api, pod(["priorityClassName": "x", "containers": [["name": "a", "image": "b"]]], "q"))
        }
        #expect(unknownClass?.message == "pods \"q\" is forbidden: no PriorityClass with name x was found")
        let bad = #expect(throws: APIStatusError.self) {
            try create(
                api,
                pod(
                    [
                        "containers": [
                            ["name": "a", "image": "", "volumeMounts": [["name": "v", "mountPath": "/x"]]],
                            ["name": "a", "image": "b", "imagePullPolicy": "Often"],
                        ],
                        "volumes": [["name": "w", "image": ["reference": ""]]],
                    ],
                    "q"
                )
            )
        }
        let fields = bad?.json[path: "details", "causes"]?.array?.compactMap { $0["field"]?.string } ?? []
        #expect(
            Set(fields) == [
                "spec.volumes[0].image.reference", "spec.containers[0].image",
                "spec.containers[0].volumeMounts[0].name",
                "spec.containers[1].name", "spec.containers[1].imagePullPolicy",
            ]
        )
    }

    @Test func `A restricted namespace refuses what the restricted profile refuses`() throws {
        let api = makeAPI()
        let namespaces = try #require(api.registry.definition(.namespaces))
        _ = try api.mutate(namespaces, ObjectKey(namespace: "", name: "default"), subresource: nil) {
            MergePatch.apply(["metadata": ["labels": ["pod-security.kubernetes.io/enforce": "restricted"]]], to: $0)
        }
        let error = #expect(throws: APIStatusError.self) {
            try create(api, pod(["containers": [["name": "a", "image": "b"]]]))
        }
        #expect(error?.code == 403)
        #expect(
            error?.message.hasPrefix(
                "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"a\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities"
            ) == true
        )
        _ = try create(
            api,
            pod([
                "securityContext": ["runAsNonRoot": true, "seccompProfile": ["type": "RuntimeDefault"]],
                "containers": [
                    [
                        "name": "a", "image": "b",
                        "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
                    ]
                ],
            ])
        )
    }

    @Test func `A Job's template is validated and immutable`() throws {
        let api = makeAPI()
        func job(_ policy: String) -> JSONValue {
            [
                "apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": "j"],
                "spec": [
                    "template": [
                        "spec": ["restartPolicy": .string(policy), "containers": [["name": "a", "image": "b"]]]
                    ]
                ],
            ]
        }
        let error = #expect(throws: APIStatusError.self) { try create(api, job("Always")) }
        #expect(
            error?.message
                == "Job.batch \"j\" is invalid: spec.template.spec.restartPolicy: Unsupported value: \"Always\": supported values: \"OnFailure\", \"Never\""
        )
        let created = try create(api, job("Never"))
        let uid = created[path: "metadata", "uid"]
        #expect(created[path: "spec", "selector", "matchLabels"]?["batch.kubernetes.io/controller-uid"] == uid)
        #expect(created[path: "spec", "template", "metadata", "labels"]?["job-name"] == "j")
        let definition = try #require(api.registry.definition(.jobs))
        let change = #expect(throws: APIStatusError.self) {
            try api.mutate(definition, ObjectKey(namespace: "default", name: "j"), subresource: nil) {
                MergePatch.apply(["spec": ["template": ["spec": ["restartPolicy": "OnFailure"]]]], to: $0)
            }
        }
        #expect(change?.message.contains("spec.template: Invalid value") == true)
        #expect(change?.message.contains("field is immutable") == true)
    }

    // MARK: Schemas

    private let schema = StructuralSchema([
        "type": "object", "required": ["n"],
        "properties": [
            "n": ["type": "integer", "minimum": 1, "maximum": 5, "format": "int32"],
            "s": ["type": "string", "pattern": "^a+$", "maxLength": 3, "default": "a"],
            "e": ["type": "string", "enum": ["x", "y"]],
            "l": ["type": "array", "maxItems": 2, "x-kubernetes-list-type": "set", "items": ["type": "string"]],
            "o": [
                "type": "object", "default": [:],
                "properties": [
                    "d": ["type": "boolean", "default": true], "t": ["type": "string", "format": "date-time"],
                ],
            ],
            "m": ["type": "object", "additionalProperties": ["type": "integer"]],
            "p": ["type": "object", "x-kubernetes-preserve-unknown-fields": true],
            "i": ["x-kubernetes-int-or-string": true],
            "u": ["type": "string", "nullable": true],
        ],
    ])

    @Test func `Defaults are filled in at every depth`() {
        var value: JSONValue = ["n": 1, "e": nil, "u": nil]
        schema.applyDefaults(to: &value)
        #expect(value == ["n": 1, "u": nil, "s": "a", "o": ["d": true]])
    }

    @Test func `Unknown fields are pruned and named`() {
        var value: JSONValue = ["n": 1, "z": 1, "o": ["q": 1], "p": ["any": 1], "m": ["k": 1]]
        #expect(Set(schema.prune(&value, path: "spec")) == ["spec.z", "spec.o.q"])
        #expect(value == ["n": 1, "o": [:], "p": ["any": 1], "m": ["k": 1]])
    }

    @Test(
        arguments: [
            (["n": 0], "spec.n: Invalid value: 0: spec.n in body should be greater than or equal to 1"),
            (["n": 6], "spec.n: Invalid value: 6: spec.n in body should be less than or equal to 5"),
            (["n": "x"], "spec.n: Invalid value: \"string\": spec.n in body must be of type integer: \"string\""),
            (["n": 1.5], "spec.n: Invalid value: \"number\": spec.n in body must be of type integer: \"number\""),
            ([:], "spec.n: Required value"),
            (["n": 1, "e": "z"], "spec.e: Unsupported value: \"z\": supported values: \"x\", \"y\""),
            (["n": 1, "s": "b"], "spec.s: Invalid value: \"b\": spec.s in body should match '^a+$'"),
            (["n": 1, "s": "aaaa"], "spec.s: Too long: \"aaaa\": may not be more than 3 bytes"),
            (["n": 1, "l": ["a", "b", "c"]], "spec.l: Too many: 3: must have at most 2 items"),
            (["n": 1, "l": ["a", "a"]], "spec.l[1]: Duplicate value: \"a\""),
            (
                ["n": 1, "m": ["k": "v"]],
                "spec.m.k: Invalid value: \"string\": spec.m.k in body must be of type integer: \"string\""
            ),
            (
                ["n": 1, "i": true],
                "spec.i: Invalid value: \"boolean\": spec.i in body must be of type integer,string: \"boolean\""
            ),
        ] as [(JSONValue, String)]
    )
    func `A value that breaks its schema is refused in the real words`(_ value: JSONValue, _ expected: String) {
        #expect(schema.validate(value, path: "spec").map(\.description) == [expected])
    }

    @Test func `A good value has no faults`() {
        let value: JSONValue = [
            "n": 5, "s": "aa", "e": "x", "l": ["a"], "o": ["t": "2026-01-01T00:00:00Z"], "i": "50%", "u": nil,
        ]
        #expect(schema.validate(value, path: "spec").isEmpty)
    }
}
