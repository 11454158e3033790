import LongshoreDomain
import Testing
import WireFormats

@Suite("A request's settings") struct RequestSettingsTests {
    @Test("have the contract's defaults")
    func defaultValues() throws {
        let request = try request(#"{"images":["nginx:1"]}"#)
        #expect(request.project == "default")
        #expect(request.cluster == "default")
        #expect(request.priority == 5)
        #expect(request.batchSize == 10)
        #expect(request.failureTolerance == .ratio(0))
        #expect(request.timeoutSeconds == 300)
        #expect(request.deadlineSeconds == 86_400)
        #expect(request.maxRetries == 0)
        #expect(request.retryStrategy == .linear)
        #expect(request.retryDelaySeconds == 30)
        #expect(request.retryMaxDelaySeconds == 600)
        #expect(request.pullPolicy == nil)
        #expect(request.strategy == .auto)
        #expect(request.checks == [.registry, .disk])
        #expect(request.webhookURL == nil)
        #expect(request.webhookEvents == ["task.succeeded", "task.failed", "task.cancelled", "task.rejected"])
        #expect(request.labels == [:])
        #expect(request.ttlSecondsAfterFinished == 3_600)
        #expect(request.nodeSelection == NodeSelection())
        #expect(request.credentials.isEmpty)
        #expect(request.overrides.isEmpty)
    }

    @Test("take a project and a cluster from the caller where the request has none")
    func callersDefaults() throws {
        let defaults = RequestDefaults(project: "ml", cluster: "west")
        let request = try TaskRequest.parse(["images": ["a"]], channel: .http, defaults: defaults)
        #expect(request.project == "ml")
        #expect(request.cluster == "west")
        let own = try TaskRequest.parse(
            ["images": ["a"], "project": "p", "cluster": "c"],
            channel: .http,
            defaults: defaults
        )
        #expect(own.project == "p")
        #expect(own.cluster == "c")
    }

    @Test("are read from the contract's whole example")
    func contractExample() throws {
        let request = try request(
            """
            {"images": ["nginx:1.27", {"image": "harbor.example.com/ml/train:v3", "secretRef": {"name": "ml-robot"}}],
             "nodeSelector": {"workload": "gpu"},
             "nodes": {"names": ["n1"], "matchLabels": {}, "matchExpressions": [], "includeCordoned": false},
             "registryCredentials": [
              {"registry": "harbor.example.com/ml", "username": "robot", "password": "x"},
              {"registry": "ghcr.io", "identityToken": "y"}, {"registry": "quay.io", "secretRef": {"name": "quay-pull"}},
              {"dockerConfigJson": {"auths": {"z.io": {"auth": "dTpw"}}}},
              {"registry": "harbor.example.com", "sealed": {"keyId": "k", "enc": "AA==", "ciphertext": "AAAA"}}],
             "overrides": [{"matchLabels": {"region": "hz"}, "matchExpressions": [],
              "images": [{"component": "registry", "operator": "replace", "value": "hz.example.com"}],
              "secrets": [{"component": "secretName", "operator": "replace", "value": "hz-secret"}]}],
             "priority": 5, "batchSize": 10, "failureTolerance": 0.1, "timeoutSeconds": 300, "deadlineSeconds": 7200,
             "maxRetries": 2, "retryStrategy": "exponential", "retryDelay": 30, "retryMaxDelaySeconds": 600,
             "pullPolicy": "IfNotPresent", "strategy": "auto", "checks": ["registry", "disk"],
             "webhookUrl": "https://ci.example.com/hook",
             "webhookEvents": ["task.succeeded", "task.failed", "task.cancelled"],
             "project": "default", "cluster": "default", "labels": {}, "ttlSecondsAfterFinished": 3600}
            """
        )
        #expect(
            request.images.map(\.reference.canonical) == [
                "docker.io/library/nginx:1.27", "harbor.example.com/ml/train:v3",
            ]
        )
        #expect(request.images[1].secretName == "ml-robot")
        #expect(request.nodeSelection.selector.matchLabels == ["workload": "gpu"])
        #expect(request.nodeSelection.names == ["n1"])
        #expect(request.failureTolerance == .ratio(0.1))
        #expect(request.retryStrategy == .exponential)
        #expect(request.pullPolicy == .ifNotPresent)
        #expect(request.overrides.first?.secretName == "hz-secret")
        // An override leads images to other registries, so every credential may be needed.
        #expect(
            request.credentials.map(\.scope.key) == [
                "harbor.example.com/ml", "ghcr.io", "quay.io", "z.io", "harbor.example.com",
            ]
        )
        #expect(request.hasPlaintextCredentials)
        #expect(request.hasSealedCredentials)
    }

    @Test(
        "outside their limits are refused",
        arguments: [
            ("batchSize", [0, 1_001, -1]), ("priority", [0, 11, -5]), ("maxRetries", [-1, 11]),
            ("retryDelay", [0, 3_601]),
            ("retryMaxDelaySeconds", [0, 86_401]), ("timeoutSeconds", [0, 86_401]), ("deadlineSeconds", [0, 604_801]),
            ("ttlSecondsAfterFinished", [-1, 2_592_001]), ("failureTolerance", [-0.1, 1.5, -1, 1_000_001]),
            ("batchSize", [1e300, -1e300, .integer(.max), .integer(.min)]),
        ] as [(String, [JSONValue])]
    )
    func limits(field: String, values: [JSONValue]) {
        for value in values { #expect(faults(field, value) == ["/\(field) outOfRange"]) }
    }

    @Test(
        "at their limits are accepted",
        arguments: [
            ("batchSize", [1, 1_000, 10.0]), ("priority", [1, 10]), ("maxRetries", [0, 10]),
            ("retryDelay", [1, 3_600]),
            ("timeoutSeconds", [1, 86_400]), ("deadlineSeconds", [1, 604_800]),
            ("ttlSecondsAfterFinished", [0, 2_592_000]), ("failureTolerance", [0, 0.999, 1, 50]),
        ] as [(String, [JSONValue])]
    )
    func withinLimits(field: String, values: [JSONValue]) {
        for value in values { #expect(faults(field, value) == []) }
    }

    @Test(
        "of another type are refused",
        arguments: [
            "batchSize", "priority", "maxRetries", "retryDelay", "retryMaxDelaySeconds", "timeoutSeconds",
            "deadlineSeconds",
            "ttlSecondsAfterFinished", "failureTolerance", "retryStrategy", "pullPolicy", "strategy", "checks",
            "webhookUrl",
            "webhookEvents", "project", "cluster", "labels", "nodeSelector", "nodes", "registryCredentials",
            "overrides",
            "images", "password",
        ]
    )
    func wrongTypes(field: String) {
        let isNumber = faults(field, "x").contains("/\(field) wrongType")
        let values: [JSONValue] = isNumber ? ["5", true, [], [:]] : [5, true]
        for value in values {
            let found = faults(field, value)
            // An empty list or map is a list's or a map's own type.
            if value == [] || value == [:], found.isEmpty || found == ["/\(field) required"] { continue }
            #expect(found.contains("/\(field) wrongType"), "\(field) \(value)")
        }
        #expect(faults(field, 1.5) != [] || field == "failureTolerance")
    }

    @Test(
        "that are null count as left out",
        arguments: ["batchSize", "nodes", "labels", "webhookUrl", "registryCredentials"]
    )
    func nulls(field: String) {
        #expect(faults(field, nil) == [])
    }

    @Test("that are none of those known are refused")
    func choices() {
        #expect(faults("retryStrategy", "quadratic") == ["/retryStrategy invalidValue"])
        #expect(faults("pullPolicy", "Never") == ["/pullPolicy invalidValue"])
        #expect(faults("pullPolicy", "ifnotpresent") == ["/pullPolicy invalidValue"])
        #expect(faults("strategy", "magic") == ["/strategy invalidValue"])
        #expect(faults("strategy", "cri") == ["/strategy notSupported"])
        #expect(
            faults("checks", ["registry", "memory", "registry", 1]) == [
                "/checks/1 invalidValue", "/checks/2 duplicate", "/checks/3 wrongType",
            ]
        )
        #expect(faults("checks", []) == [])
        #expect(faults("webhookEvents", ["task.done"]) == ["/webhookEvents/0 invalidValue"])
        #expect(faults("webhookEvents", []) == ["/webhookEvents required"])
        #expect(faults("webhookEvents", ["node.failed", "node.failed"]) == ["/webhookEvents/1 duplicate"])
    }

    @Test("may not contradict each other")
    func conflicts() {
        #expect(
            faults(["images": ["a"], "retryDelay": 100, "retryMaxDelaySeconds": 99]) == [
                "/retryMaxDelaySeconds conflict"
            ]
        )
        #expect(faults(["images": ["a"], "retryDelay": 3_600]) == [])
    }

    @Test("raise the longest delay to the first where that is longer")
    func delayCap() throws {
        #expect(try request(#"{"images":["a"],"retryDelay":3600}"#).retryMaxDelaySeconds == 3_600)
    }

    @Test(
        "name projects and clusters that can be part of a topic's name",
        arguments: ["", "a.b", "A", "a_b", "-a", "a-", "a/b", "a b", "ａ", String(repeating: "a", count: 63) + "\0"]
    )
    func names(text: String) {
        for field in ["project", "cluster"] {
            let found = faults(field, .string(text))
            #expect(found == ["/\(field) invalidValue"] || found == ["/\(field) tooLong"])
        }
        #expect(faults("project", .string(String(repeating: "a", count: 64))) == ["/project tooLong"])
        #expect(faults("project", .string(String(repeating: "a", count: 63))) == [])
    }

    @Test(
        "accept a webhook's URL",
        arguments: [
            "https://ci.example.com/hook", "http://127.0.0.1:8080/", "https://h", "https://[::1]:80/x?y=z@w",
            "HTTPS://Example.com/%20", "http://localhost?x",
        ]
    )
    func webhookURLs(text: String) {
        #expect(faults("webhookUrl", .string(text)) == [])
    }

    @Test(
        "refuse what is no webhook's URL",
        arguments: [
            "x", "/hook", "//h/x", "ftp://h/x", "file:///etc/passwd", "javascript:alert(1)", "http://", "http:///x",
            "http://user@h/x", "http://user:pw@h/x", "http://h@evil/x", "http://h:0/", "http://h:99999/", "http://h:/",
            "http://h x/", "http://h/a b", "http://h/\n", "http://h/\0", "http://h\\@evil/", "http://h/#frag",
            "http://ｈ/",
            "http://h_x/", "http://[::1/x", "http://%31%32%37/", " https://h/",
        ]
    )
    func badWebhookURLs(text: String) {
        #expect(faults("webhookUrl", .string(text)) == ["/webhookUrl invalidURL"])
    }

    @Test("bound the length of a webhook's URL")
    func longWebhookURL() {
        #expect(faults("webhookUrl", .string("https://h/" + String(repeating: "a", count: 2_038))) == [])
        #expect(
            faults("webhookUrl", .string("https://h/" + String(repeating: "a", count: 2_039))) == [
                "/webhookUrl tooLong"
            ]
        )
    }

    @Test("hold labels that Kubernetes would accept, none of them Longshore's own")
    func labels() {
        #expect(faults("labels", ["team": "ml", "example.com/a": "", "A_b.c": "x-Y_z.0"]) == [])
        #expect(
            faults("labels", ["longshore.dev/task": "x", "a.longshore.dev/b": "x"]).sorted() == [
                "/labels/a.longshore.dev~1b conflict", "/labels/longshore.dev~1task conflict",
            ]
        )
        #expect(faults("labels", ["-a": "x"]) == ["/labels/? invalidLabel"])
        #expect(faults("labels", ["a": "-x"]) == ["/labels/a invalidLabel"])
        #expect(faults("labels", ["a/b/c": "x"]) == ["/labels/? invalidLabel"])
        #expect(faults("labels", ["Exa/b": "x"]) == ["/labels/? invalidLabel"])
        #expect(faults("labels", ["/b": "x"]) == ["/labels/? invalidLabel"])
        #expect(faults("labels", ["a/": "x"]) == ["/labels/? invalidLabel"])
        #expect(faults("labels", ["a": 1]) == ["/labels/a wrongType"])
        #expect(faults("labels", ["a": .string(String(repeating: "x", count: 64))]) == ["/labels/a invalidLabel"])
        let many = JSONObject((0..<65).map { ("k\($0)", JSONValue.string("v")) })
        #expect(faults("labels", .object(many)) == ["/labels tooMany"])
    }
}
