import DeploymentSupport
import FoundationEssentials
import KubernetesAPI
import TestSupport
import Testing
import WireFormats

/// What the services' accounts may do, held against what the services really do.
@Suite("Grants", .tags(.integration), .timeLimit(.minutes(4)), .serialized)
struct GrantsTests {
    /// One kind of call: what a rule of RBAC grants.
    struct Grant: Hashable, CustomStringConvertible {
        /// Empty for what has no namespace, and for all namespaces at once.
        var namespace: String
        var group: String
        /// With its subresource, as in `pulltasks/status`.
        var resource: String
        var verb: String

        var description: String { "\(verb) \(resource).\(group) in “\(namespace)”" }
    }

    @Test(
        "Each service makes no call that its manifests do not grant, and is granted none that it never makes",
        .needsSimulator("holds every call in the simulator's audit against the manifests")
    )
    func grants() async throws {
        let fleet = try await Fleet.start(nodes: 2, executors: 0)
        let executor = try fleet.start(
            .executor,
            arguments: ["--sweep-interval-seconds", "1", "--scheduling-allowance-seconds", "5"]
        )
        try await fleet.waitUntilReady(executor)
        try await fleet.waitUntilSealing()
        try await work(on: fleet)
        _ = await executor.process.stop(gracePeriod: .seconds(30))
        let made = try await Simulator(fleet.host).audit()
        let granted = try granted()
        for service in ["executor", "notifier"] {
            let calls = Set(made.filter { $0["userAgent"]?.string == "longshore-\(service)" }.compactMap(Self.grant))
            let grants = try #require(granted["longshore-\(service)"])
            #expect(calls.subtracting(grants).isEmpty, "\(service) lacks a grant")
            #expect(grants.subtracting(calls).isEmpty, "\(service) has a grant that it never uses")
        }
        #expect(granted["longshore-intake"] == nil)
        await fleet.stop()
    }

    /// Everything that makes services call Kubernetes.
    private func work(on fleet: Fleet) async throws {
        let registries = try await SharedRegistries.instance.get()
        let receiver = try WebhookReceiver()
        defer { receiver.stop() }
        let image = JSONValue.string(registries.first.private)
        let pulled = try await fleet.api.submit([
            "images": [image], "registryCredentials": [registries.first.credential], "ttlSecondsAfterFinished": 1,
            "webhookUrl": .string(receiver.url), "webhookEvents": ["task.succeeded"],
        ])
        _ = try await fleet.api.waitForEnd(of: pulled)
        try await receiver.waitFor(1)
        // The answer to a Job's creation is lost: whether it is there must be looked up.
        try await Simulator(fleet.host).post(
            "faults",
            ["verb": "create", "resource": "jobs", "drop": true, "afterwards": true, "count": 1]
        )
        let missing = try await fleet.api.submit([
            "images": [image], "checks": [], "pullPolicy": "Always", "project": "another",
            "webhookUrl": .string(receiver.url), "webhookEvents": ["task.failed"],
        ])
        let failed = try await fleet.api.waitForEnd(of: missing)
        #expect(failed["status"]?.string == "failed", "\(failed.text())")
        // The first webhook of a project makes its signing secret.
        try await receiver.waitFor(2)
        let secret: JSONValue = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "team-pull", "namespace": "longshore"],
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": [
                ".dockerconfigjson": .string(
                    ([
                        "auths": [
                            registries.first.address: [
                                "username": .string(registries.first.username),
                                "password": .string(registries.first.password),
                            ]
                        ]
                    ] as JSONValue).text()
                )
            ],
        ]
        _ = try await fleet.host.kubectl("apply", input: secret.text())
        let referred = try await fleet.api.submit([
            "images": [["image": image, "secretRef": ["name": "team-pull"]]], "pullPolicy": "Always",
        ])
        let ended = try await fleet.api.waitForEnd(of: referred)
        #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
        try await Simulator(fleet.host).slow(["node-1", "node-2"], milliseconds: 20_000)
        let cancelled = try await fleet.api.submit([
            "images": [image], "registryCredentials": [registries.first.credential], "pullPolicy": "Always",
        ])
        try await waitUntil("a Job to cancel") {
            try await fleet.host.objectsLeft(ofTask: cancelled).contains { $0.contains("job") }
        }
        _ = try await fleet.api.send("DELETE", "/v1/tasks/\(cancelled)")
        _ = try await fleet.api.waitForEnd(of: cancelled)
        try await waitUntil("the first task to be removed after its time") {
            (try? await fleet.host.kubectl("get", "pulltask", pulled, "-n", "longshore")) == nil
        }
        // Why the Pod of a Job was refused must be looked up.
        _ = try await fleet.host.kubectl("delete", "priorityclass", "longshore-puller")
        let refused = try await fleet.api.submit([
            "images": [image], "registryCredentials": [registries.first.credential], "pullPolicy": "Always",
            "timeoutSeconds": 1,
        ])
        _ = try await fleet.api.waitForEnd(of: refused)
    }

    private static func grant(_ call: JSONValue) -> Grant? {
        guard let resource = call["resource"]?.string, !resource.isEmpty, let verb = call["verb"]?.string else {
            return nil
        }
        let subresource = call["subresource"]?.string ?? ""
        return Grant(
            namespace: call["namespace"]?.string ?? "",
            group: call["group"]?.string ?? "",
            resource: subresource.isEmpty ? resource : "\(resource)/\(subresource)",
            verb: verb
        )
    }

    /// What the manifests grant, by service account.
    private func granted() throws -> [String: Set<Grant>] {
        let path =
            URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path() + "compose/kubernetes/base/rbac.yaml"
        let objects = try YAMLDocument.parseAll(readFile(path))
        var result: [String: Set<Grant>] = [:]
        for binding in objects where binding["kind"]?.string?.hasSuffix("RoleBinding") == true {
            let namespace = binding[path: "metadata", "namespace"]?.string ?? ""
            let role = objects.first {
                $0["kind"] == binding[path: "roleRef", "kind"]
                    && $0[path: "metadata", "name"] == binding[path: "roleRef", "name"]
                    && ($0[path: "metadata", "namespace"]?.string ?? "") == namespace
            }
            for subject in binding["subjects"]?.array ?? [] {
                result[subject["name"]?.string ?? "", default: []].formUnion(grants(of: role, in: namespace))
            }
        }
        return result
    }

    private func grants(of role: JSONValue?, in namespace: String) -> Set<Grant> {
        func texts(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }
        var result: Set<Grant> = []
        for rule in role?["rules"]?.array ?? [] {
            for group in texts(rule["apiGroups"]) {
                for resource in texts(rule["resources"]) {
                    for verb in texts(rule["verbs"]) {
                        result.insert(Grant(namespace: namespace, group: group, resource: resource, verb: verb))
                    }
                }
            }
        }
        return result
    }
}
