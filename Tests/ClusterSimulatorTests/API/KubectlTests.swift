import ClusterSimulator
import TestSupport
import Testing
import WireFormats

/// A small definition with a status subresource, validation, defaults and columns.
let widgetDefinition = """
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: widgets.example.com}
    spec:
      group: example.com
      scope: Namespaced
      names: {kind: Widget, plural: widgets, shortNames: [wd]}
      versions:
      - name: v1
        served: true
        storage: true
        subresources: {status: {}}
        additionalPrinterColumns:
        - {name: Phase, type: string, jsonPath: .status.phase}
        - {name: Size, type: integer, jsonPath: .spec.size}
        schema:
          openAPIV3Schema:
            type: object
            required: [spec]
            properties:
              spec:
                type: object
                required: [size]
                properties:
                  size: {type: integer, minimum: 1}
                  color: {type: string, default: red}
              status:
                type: object
                properties: {phase: {type: string}}
    """

@Suite(.timeLimit(.minutes(2))) struct KubectlTests {
    @Test func `kubectl applies, watches, describes, explains, patches and deletes a custom resource`() async throws {
        try await SimulatorHarness.run(.with { $0.crdYAML = [widgetDefinition] }) { harness in
            let manifest = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n"
            let file = try harness.directory.write("w.yaml", manifest)
            #expect(try await harness.kubectl("apply", "-f", file).output == "widget.example.com/w created\n")
            #expect(try await harness.kubectl("apply", "-f", file).output == "widget.example.com/w unchanged\n")
            #expect(harness.object("widgets.example.com", "w")?[path: "spec", "color"] == "red")
            let watch = try TestProcess("kubectl", ["get", "wd", "-w"], environment: harness.environment)
            try await waitUntil("the first row") { watch.standardOutput.contains("w ") }
            try await harness.kubectl(
                "patch",
                "wd",
                "w",
                "--subresource",
                "status",
                "--type",
                "merge",
                "-p",
                "{\"status\":{\"phase\":\"busy\"}}"
            )
            try await waitUntil("the change") { watch.standardOutput.contains("busy") }
            #expect(
                watch.standardOutput.split(separator: "\n").first?.split(separator: " ") == ["NAME", "PHASE", "SIZE"]
            )
            await watch.stop()
            #expect(harness.object("widgets.example.com", "w")?[path: "metadata", "generation"] == 1)
            let described = try await harness.kubectl("describe", "wd", "w").output
            #expect(described.contains("Phase:  busy") && described.contains("Size:   3"))
            #expect(try await harness.kubectl("explain", "wd.spec.size").output.contains("size <integer>"))
            let refused = try await harness.kubectl(
                "patch",
                "wd",
                "w",
                "--type",
                "merge",
                "-p",
                "{\"spec\":{\"size\":0}}",
                check: false
            )
            #expect(
                refused.error.contains(
                    "The Widget \"w\" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"
                )
            )
            let strict = try harness.directory.write(
                "bad.yaml",
                manifest.replacing("size: 3", with: "size: 3, sise: 4")
            )
            let unknown = try await harness.kubectl("apply", "-f", strict, check: false)
            #expect(unknown.error.contains("strict decoding error: unknown field \"spec.sise\""))
            let applied = try await harness.kubectl("apply", "--server-side", "-f", file, check: false)
            #expect(applied.output == "widget.example.com/w serverside-applied\n", "\(applied.error)")
            #expect(try await harness.kubectl("delete", "wd", "w").output.contains("deleted"))
            #expect(harness.object("widgets.example.com", "w") == nil)
        }
    }

    @Test func `kubectl is refused a bad pull Secret in the real API's words`() async throws {
        try await SimulatorHarness.run { harness in
            let file = try harness.directory.write(
                "s.yaml",
                """
                apiVersion: v1
                kind: Secret
                metadata: {name: s}
                type: kubernetes.io/dockerconfigjson
                stringData: {.dockerconfigjson: "{\\"auths\\": "}
                """
            )
            let result = try await harness.kubectl("apply", "-f", file, check: false)
            #expect(
                result.error
                    == "The Secret \"s\" is invalid: data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": unexpected end of JSON input\n"
            )
        }
    }

    @Test func `kubectl's typed commands, which speak protobuf, work`() async throws {
        try await SimulatorHarness.run { harness in
            try await harness.kubectl("create", "namespace", "n")
            try await harness.kubectl(
                "create",
                "secret",
                "docker-registry",
                "s",
                "-n",
                "n",
                "--docker-server=h.io",
                "--docker-username=u",
                "--docker-password=p"
            )
            let data = harness.object("secrets", "s", namespace: "n")?[path: "data"]?[".dockerconfigjson"]?.string
            let json = try JSONValue(parsing: #require(data.flatMap(Base64.decode)))
            #expect(json[path: "auths", "h.io", "username"] == "u")
            try await harness.kubectl("create", "configmap", "c", "--from-literal=a=b")
            #expect(harness.object("configmaps", "c")?["data"] == ["a": "b"])
            try await harness.kubectl("create", "serviceaccount", "sa")
            #expect(try await harness.kubectl("auth", "can-i", "create", "pods").output == "yes\n")
            #expect(try await harness.kubectl("auth", "whoami").output.contains("kubernetes-admin"))
            try await harness.kubectl("create", "priorityclass", "low", "--value=-10", "--preemption-policy=Never")
            #expect(harness.simulator.object("priorityclasses.scheduling.k8s.io", name: "low")?["value"] == -10)
            try await harness.kubectl(
                "create",
                "job",
                "j",
                "--image=docker.io/library/busybox:1.37.0-musl",
                "--",
                "true"
            )
            try await harness.kubectl("wait", "--for=condition=complete", "job/j", "--timeout=30s")
            try await harness.kubectl("create", "role", "r", "--verb=get,list", "--resource=pods")
            try await harness.kubectl("create", "rolebinding", "rb", "--role=r", "--serviceaccount=default:sa")
        }
    }

    @Test func `kubectl shows and handles nodes`() async throws {
        try await SimulatorHarness.run(.with { $0.nodes = NodeTemplate.numbered(2) }) { harness in
            let nodes = try await harness.kubectl("get", "nodes", "-o", "wide").output
            #expect(nodes.contains("node-2") && nodes.contains("Ready") && nodes.contains("containerd://2.2.0"))
            try await harness.kubectl("label", "node", "node-1", "zone=a")
            try await harness.kubectl("taint", "node", "node-1", "k=v:NoSchedule")
            #expect(try await harness.kubectl("get", "nodes", "-l", "zone=a", "-o", "name").output == "node/node-1\n")
            #expect(try await harness.kubectl("describe", "node", "node-1").output.contains("k=v:NoSchedule"))
            try await harness.kubectl("drain", "node-2", "--ignore-daemonsets", "--force")
            let nodes2 = try await harness.kubectl("get", "nodes").output
            #expect(nodes2.contains("SchedulingDisabled"))
        }
    }
}
