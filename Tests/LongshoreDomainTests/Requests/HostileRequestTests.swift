import LongshoreDomain
import TestSupport
import Testing
import WireFormats

@Suite("A hostile request") struct HostileRequestTests {
    @Test("that is no object has one fault at its root", arguments: [nil, true, 1, 1.5, "x", []] as [JSONValue])
    func notAnObject(json: JSONValue) {
        #expect(faults(json) == [" wrongType"])
    }

    @Test("has every fault of every part in one answer")
    func everything() throws {
        #expect(
            try faults(
                text: """
                    {"image": "nginx", "batchsize": 5, "priority": 11, "nodes": {"name": "x"}, "webhookUrl": "ftp://x",
                     "registryCredentials": [{"registry": "h.io"}], "overrides": [{}], "labels": {"a": null}, "project": "A"}
                    """
            ) == [
                "/image unknownField", "/batchsize unknownField", "/images required", "/project invalidValue",
                "/priority outOfRange", "/webhookUrl invalidURL", "/labels/a wrongType", "/nodes/name unknownField",
                "/overrides/0 required", "/registryCredentials/0 required",
            ]
        )
    }

    @Test("with a misspelt field is told what was meant")
    func suggestions() {
        let error = #expect(throws: RequestFaults.self) {
            try TaskRequest.parse(["images": ["a"], "batchsize": 5, "imagse": 1, "q": 1], channel: .http)
        }
        let details = error?.faults.map(\.detail) ?? []
        #expect(details.first?.hasSuffix("did you mean batchSize?") == true)
        #expect(details.dropFirst().first?.hasSuffix("did you mean images?") == true)
        #expect(details.last == "there is no such field here")
    }

    @Test("does not get its odd keys back")
    func oddKeys() {
        let canary = String(repeating: "s3cr3t", count: 10)
        #expect(faults(["images": ["a"], "\(canary)": 1]) == ["/? unknownField"])
        #expect(
            faults(["images": ["a"], "a b": 1, "a\0": 1, "ímages": 1]) == [
                "/? unknownField", "/? unknownField", "/? unknownField",
            ]
        )
    }

    @Test("never gets a value back, wherever it stands")
    func canaries() {
        let canary: JSONValue = "c4n4ry !"
        for field in [
            "images", "nodeSelector", "nodes", "registryCredentials", "overrides", "priority", "batchSize",
            "failureTolerance", "retryStrategy", "pullPolicy", "strategy", "checks", "webhookUrl", "webhookEvents",
            "project",
            "cluster", "labels", "registry", "username", "password",
        ] {
            let shapes: [JSONValue] = [
                canary, [canary], [[canary]], ["name": canary], [["registry": canary, "username": canary]],
                [["dockerConfigJson": ["auths": ["h.io": ["auth": canary]]]]],
                ["names": [canary], "matchLabels": ["a": canary]],
                [["images": [["component": canary, "operator": canary, "value": canary]]]], ["a": canary],
                ["matchExpressions": [["key": canary, "operator": canary, "values": [canary]]]],
            ]
            for shape in shapes {
                do {
                    _ = try TaskRequest.parse(["images": ["h.io/a"], "\(field)": shape], channel: .http)
                } catch {
                    #expect(!error.description.contains("c4n4ry"), "\(field)")
                }
            }
        }
    }

    @Test("may be as deep as its JSON was allowed to be")
    func deep() {
        var json: JSONValue = 1
        for _ in 0..<64 { json = ["nodes": json] }
        #expect(faults(["images": ["a"], "nodes": json]) == ["/nodes/nodes unknownField"])
        var list: JSONValue = []
        for _ in 0..<64 { list = [list] }
        #expect(faults(["images": list]) == ["/images/0 wrongType"])
    }

    @Test("may have very many fields, and the list of faults stays short")
    func manyFields() {
        let fields = JSONObject((0..<50_000).map { ("field\($0)", JSONValue.integer(1)) })
        let error = #expect(throws: RequestFaults.self) { try TaskRequest.parse(.object(fields), channel: .http) }
        #expect(error?.faults.count == 200)
        #expect(error?.totalCount == 50_001)
    }

    @Test("for a PullTask may hold what commands wrote, and others may not")
    func controlFields() {
        let json: JSONValue = ["images": ["a"], "cancelRequested": true, "paused": false, "retryRequest": 2]
        #expect(faults(json, channel: .pullTask) == [])
        #expect(faults(json, channel: .http).count == 3)
        #expect(faults(["images": ["a"], "paused": 1], channel: .pullTask) == ["/paused wrongType"])
    }

    @Test("mutated at random never crashes the parser")
    func mutations() throws {
        let seed = try JSONValue(
            parsing: Array(
                """
                {"images":["nginx:1",{"image":"h.io/a","secretRef":{"name":"s"}}],"nodes":{"names":["n"],"matchLabels":{"a":"b"},
                "matchExpressions":[{"key":"a","operator":"In","values":["b"]}],"tolerations":[{"operator":"Exists"}]},
                "registryCredentials":[{"registry":"h.io","username":"u","password":"p"},{"dockerConfigJson":{"auths":{"g.io":
                {"auth":"dTpw"}}}},{"registry":"i.io","sealed":{"keyId":"k","enc":"AA==","ciphertext":"AA=="}}],"overrides":
                [{"matchLabels":{"r":"x"},"images":[{"component":"tag","operator":"add","value":"x"}],"secrets":[{"component":
                "secretName","operator":"replace","value":"s"}]}],"priority":5,"webhookUrl":"https://h/","checks":["disk"]}
                """.utf8
            )
        )
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<500 {
            let mutated = mutate(seed, with: &generator)
            for channel in RequestChannel.allCases {
                if let request = try? TaskRequest.parse(mutated, channel: channel) {
                    let spec = TaskSpec(request: request) { "pull-x-\($0.key.count)" }
                    #expect(try TaskSpec(json: spec.json) == spec)
                }
            }
        }
    }

    /// Changes one random value somewhere in a tree.
    private func mutate(_ value: JSONValue, with generator: inout SeededGenerator) -> JSONValue {
        let values: [JSONValue] = [
            nil, true, -1, 1e308, "", "\0", "\u{202E}x", [], [:], [nil], ["": ""],
            .string(String(repeating: "x", count: 5_000)),
        ]
        if Int.random(in: 0..<6, using: &generator) == 0 { return values.randomElement(using: &generator) ?? nil }
        switch value {
        case .array(var array) where !array.isEmpty:
            let index = array.indices.randomElement(using: &generator) ?? 0
            array[index] = mutate(array[index], with: &generator)
            return .array(array)
        case .object(var object) where !object.isEmpty:
            let key = object.keys.randomElement(using: &generator) ?? ""
            object[key] = mutate(object[key] ?? nil, with: &generator)
            return .object(object)
        case .null, .bool, .integer, .number, .string, .array, .object:
            return values.randomElement(using: &generator) ?? nil
        }
    }
}
