import KubernetesAPI
import KubernetesManifests
import TestSupport
import Testing
import WireFormats

/// The folder of this package.
private let root = String(#filePath.split(separator: "/Tests/")[0])

@Suite(.timeLimit(.minutes(2))) struct ManifestTests {
    /// What `kubectl kustomize` makes of a folder.
    private func objects(_ folder: String) async throws -> [JSONValue] {
        let result = try await TestProcess.run("kubectl", ["kustomize", "\(root)/compose/kubernetes/\(folder)"])
        return try YAMLDocument.parseAll(result.standardOutput)
    }

    private func podSpecs(_ objects: [JSONValue]) -> [(name: String, spec: JSONValue)] {
        objects.filter { $0["kind"] == "Deployment" }.map { object in
            (object["metadata"]?["name"]?.string ?? "", object["spec"]?["template"]?["spec"] ?? .null)
        }
    }

    @Test(arguments: ["base", "overlays/example", "overlays/keda"]) func `kustomize builds what the README names`(
        folder: String
    ) async throws {
        let objects = try await objects(folder)
        let kinds = Set(objects.compactMap { $0["kind"]?.string })
        #expect(
            kinds.isSuperset(of: [
                "Namespace", "CustomResourceDefinition", "PriorityClass", "ServiceAccount", "Role", "RoleBinding",
                "ClusterRole", "Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget", "ConfigMap",
            ])
        )
        #expect(
            podSpecs(objects).map(\.name).sorted()
                == ["longshore-executor", "longshore-intake", "longshore-notifier"]
        )
    }

    @Test func `executors scale on the lag of their consumer group, and nothing else sets their number`() async throws {
        let objects = try await objects("overlays/keda")
        let executor = objects.first { $0["kind"] == "Deployment" && $0["metadata"]?["name"] == "longshore-executor" }
        #expect(executor != nil && executor?["spec"]?["replicas"] == nil)
        let scaled = try #require(objects.first { $0["kind"] == "ScaledObject" })
        let trigger = try #require(scaled["spec"]?["triggers"]?.array?.first)
        #expect(scaled["spec"]?["scaleTargetRef"]?["name"] == executor?["metadata"]?["name"])
        let cluster = objects.first {
            $0["kind"] == "ConfigMap" && $0["metadata"]?["namespace"] == executor?["metadata"]?["namespace"]
        }?["data"]?["LONGSHORE_CLUSTER"]?.string
        #expect(trigger["metadata"]?["consumerGroup"]?.string == cluster.map { "longshore.executor.\($0)" })
        #expect(trigger["metadata"]?["topic"] == nil)
        let authentication = try #require(objects.first { $0["kind"] == "TriggerAuthentication" })
        #expect(trigger["authenticationRef"]?["name"] == authentication["metadata"]?["name"])
    }

    @Test func `the embedded objects are those of the folder`() async throws {
        let built = try await objects("base")
        let embedded = try KubernetesManifests.prerequisites.flatMap { try YAMLDocument.parseAll($0) }
        #expect(embedded.count == 4)
        for object in embedded { #expect(built.contains(object), "\(object["metadata"]?["name"]?.string ?? "")") }
        for object in try YAMLDocument.parseAll(KubernetesManifests.accessControl) { #expect(built.contains(object)) }
    }

    @Test func `every Pod meets the restricted standard, has limits and probes, and stops in time`() async throws {
        for (name, spec) in podSpecs(try await objects("overlays/example")) {
            #expect(spec["securityContext"]?["runAsNonRoot"] == true, "\(name)")
            #expect(spec["securityContext"]?["seccompProfile"]?["type"] == "RuntimeDefault", "\(name)")
            #expect(spec["terminationGracePeriodSeconds"] == 45, "\(name)")
            // Variables of Services would be read as configuration.
            #expect(spec["enableServiceLinks"] == false, "\(name)")
            #expect(spec["hostNetwork"] == nil && spec["hostPID"] == nil, "\(name)")
            for container in (spec["containers"]?.array ?? []) + (spec["initContainers"]?.array ?? []) {
                let security = container["securityContext"]
                #expect(security?["allowPrivilegeEscalation"] == false, "\(name)")
                #expect(security?["readOnlyRootFilesystem"] == true, "\(name)")
                #expect(security?["capabilities"]?["drop"] == ["ALL"], "\(name)")
                #expect(container["resources"]?["limits"]?["memory"] != nil, "\(name)")
                #expect(container["resources"]?["requests"]?["cpu"] != nil, "\(name)")
                #expect(container["image"]?.string?.hasSuffix(":latest") == false, "\(name)")
            }
            for container in spec["containers"]?.array ?? [] {
                #expect(container["livenessProbe"]?["httpGet"]?["path"] == "/healthz", "\(name)")
                #expect(container["readinessProbe"]?["httpGet"]?["path"] == "/readyz", "\(name)")
            }
        }
    }

    @Test func `intake has no token, and the executor no way to the database`() async throws {
        let specs = Dictionary(uniqueKeysWithValues: podSpecs(try await objects("base")).map { ($0.name, $0.spec) })
        #expect(specs["longshore-intake"]?["automountServiceAccountToken"] == false)
        #expect(specs["longshore-executor"]?.text().contains("postgres") == false)
        #expect(specs["longshore-intake"]?.text().contains("postgres") == true)
        #expect(specs["longshore-notifier"]?.text().contains("postgres") == true)
    }

    // MARK: - Rights

    /// The rules of a role, as `apiGroup/resource verb`.
    private func rights(_ kind: String, _ name: String, _ namespace: String?) throws -> Set<String> {
        let roles = try YAMLDocument.parseAll(KubernetesManifests.accessControl).filter {
            $0["kind"]?.string == kind && $0["metadata"]?["name"]?.string == name
                && $0["metadata"]?["namespace"]?.string == namespace
        }
        #expect(roles.count == 1)
        var rights: Set<String> = []
        for rule in roles.first?["rules"]?.array ?? [] {
            for group in rule.strings("apiGroups") {
                for resource in rule.strings("resources") {
                    for verb in rule.strings("verbs") { rights.insert("\(group)/\(resource) \(verb)") }
                }
            }
        }
        return rights
    }

    @Test func `nobody lists Secrets, runs Pods of their own choice, or holds a wildcard`() throws {
        for role in try YAMLDocument.parseAll(KubernetesManifests.accessControl) {
            for rule in role["rules"]?.array ?? [] {
                #expect(!rule.text().contains("*"))
                if rule.strings("resources").contains("secrets") {
                    #expect(
                        Set(rule.strings("verbs")).isDisjoint(with: ["list", "watch", "deletecollection", "patch"])
                    )
                }
                if rule.strings("resources").contains("pods") {
                    #expect(Set(rule.strings("verbs")).isSubset(of: ["get", "list", "watch"]))
                }
            }
        }
    }

    @Test func `the notifier reads and makes signing secrets and can do nothing else`() throws {
        #expect(
            try rights("Role", "longshore-notifier", "longshore-webhooks") == ["/secrets get", "/secrets create"]
        )
        let bindings = try YAMLDocument.parseAll(KubernetesManifests.accessControl).filter { object in
            object["kind"]?.string?.hasSuffix("Binding") == true
                && object["subjects"]?.array?.contains { $0["name"] == "longshore-notifier" } == true
        }
        #expect(bindings.map { $0["metadata"]?["namespace"] } == ["longshore-webhooks"])
    }

    @Test func `outside its namespace the executor sees nodes and nothing else`() throws {
        #expect(try rights("ClusterRole", "longshore-executor", nil) == ["/nodes list", "/nodes watch"])
    }

    @Test func `the executor may do what it does and no more`() throws {
        // Each line is the calls that Sources/ExecutorService makes to one resource.
        let calls: [(resource: String, verbs: String)] = [
            ("longshore.dev/pulltasks", "get list watch create patch delete"),
            ("longshore.dev/pulltasks/status", "update"), ("batch/jobs", "get list watch create delete"),
            ("/pods", "list watch"), ("/events", "list watch"), ("/secrets", "get create delete"),
            ("coordination.k8s.io/leases", "get list watch create update delete"),
        ]
        let expected = calls.flatMap { call in call.verbs.split(separator: " ").map { "\(call.resource) \($0)" } }
        #expect(try rights("Role", "longshore-executor", "longshore") == Set(expected))
    }

    @Test func `the executor's namespace holds no Secret of the database or of tokens`() async throws {
        for object in try await objects("overlays/example") where object["kind"] == "Deployment" {
            let isExecutor = object["metadata"]?["name"] == "longshore-executor"
            #expect(object["metadata"]?["namespace"]?.string == (isExecutor ? "longshore" : "longshore-system"))
            let secrets = object["spec"]?["template"]?["spec"]?["volumes"]?.array?.compactMap {
                $0["secret"]?["secretName"]?.string
            }
            if isExecutor { #expect(secrets == ["longshore-kafka"]) }
        }
    }

    @Test func `a further cluster gets executors and what they need`() async throws {
        let objects = try await objects("overlays/further-cluster")
        #expect(podSpecs(objects).map(\.name) == ["longshore-executor"])
        #expect(objects.allSatisfy { ["longshore", nil].contains($0["metadata"]?["namespace"]?.string) })
        let names = objects.filter { $0["kind"] == "Namespace" }.map { $0["metadata"]?["name"] }
        #expect(names == ["longshore"])
        let settings = objects.first { $0["kind"] == "ConfigMap" }?["data"]
        #expect(settings?["LONGSHORE_CLUSTER"] == "further")
    }

    @Test func `every Deployment reads the settings of its own namespace`() async throws {
        let objects = try await objects("overlays/example")
        let maps = objects.filter { $0["kind"] == "ConfigMap" }.map { $0["metadata"] ?? .null }
        #expect(maps.count == 2)
        for object in objects where object["kind"] == "Deployment" {
            let spec = object["spec"]?["template"]?["spec"]
            for container in (spec?["containers"]?.array ?? []) + (spec?["initContainers"]?.array ?? []) {
                let name = container["envFrom"]?[0]?["configMapRef"]?["name"]
                let map = maps.first { $0["name"] == name }
                #expect(map?["namespace"] == object["metadata"]?["namespace"])
            }
        }
    }
}
