import ClusterSimulator
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(2))) struct PythonClientTests {
    private static let program = """
        import sys
        from kubernetes import client, config, watch
        config.load_kube_config(sys.argv[1])
        core = client.CoreV1Api()
        assert [n.metadata.name for n in core.list_node().items] == ["node-1"]
        secret = client.V1Secret(metadata=client.V1ObjectMeta(generate_name="x-"), string_data={"a": "b"})
        made = core.create_namespaced_secret("default", secret)
        assert made.data == {"a": "Yg=="} and len(made.metadata.name) == 7, made
        try:
            bad = client.V1Secret(metadata=client.V1ObjectMeta(name="bad"), type="kubernetes.io/dockerconfigjson", data={})
            core.create_namespaced_secret("default", bad)
            raise SystemExit("it was accepted")
        except client.ApiException as error:
            assert error.status == 422 and "data[.dockerconfigjson]: Required value" in error.body, error.body
        seen = []
        for event in watch.Watch().stream(core.list_namespaced_secret, "default", timeout_seconds=1):
            seen.append(event["type"])
        assert seen == ["ADDED"], seen
        custom = client.CustomObjectsApi()
        body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
        widget = custom.create_namespaced_custom_object("example.com", "v1", "default", "widgets", body)
        widget["status"] = {"phase": "done"}
        custom.replace_namespaced_custom_object_status("example.com", "v1", "default", "widgets", "w", widget)
        leases = client.CoordinationV1Api()
        lease = client.V1Lease(metadata=client.V1ObjectMeta(name="l"), spec=client.V1LeaseSpec(holder_identity="a"))
        lease = leases.create_namespaced_lease("default", lease)
        fresh = leases.replace_namespaced_lease("l", "default", lease)
        fresh.spec.holder_identity = "b"
        leases.replace_namespaced_lease("l", "default", fresh)
        try:
            leases.replace_namespaced_lease("l", "default", lease)
            raise SystemExit("a stale write was accepted")
        except client.ApiException as error:
            assert error.status == 409 and "the object has been modified" in error.body
        container = client.V1Container(name="a", image="busybox:1.37.0-musl", command=["true"])
        template = client.V1PodTemplateSpec(spec=client.V1PodSpec(restart_policy="Never", containers=[container]))
        job = client.V1Job(metadata=client.V1ObjectMeta(name="j"), spec=client.V1JobSpec(template=template))
        batch = client.BatchV1Api()
        batch.create_namespaced_job("default", job)
        for event in watch.Watch().stream(batch.list_namespaced_job, "default", timeout_seconds=20):
            if (event["object"].status.succeeded or 0) > 0: break
        else:
            raise SystemExit("the job did not end")
        batch.delete_namespaced_job("j", "default", propagation_policy="Foreground")
        print("done")
        """

    @Test(.enabled("the Python package kubernetes is not installed") { await Python.has("kubernetes") })
    func `The Python client reads, writes, watches and meets conflicts`() async throws {
        try await SimulatorHarness.run(.with { $0.crdYAML = [widgetDefinition] }) { harness in
            let output = try await Python.run(Self.program, [harness.kubeconfigPath])
            #expect(output == "done\n")
            #expect(harness.object("widgets.example.com", "w")?[path: "status", "phase"] == "done")
        }
    }
}
