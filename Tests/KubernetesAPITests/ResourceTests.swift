import Redaction
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite struct ResourceTests {
    /// Reads an object, writes it, reads it again.
    private func roundTrip<R: KubernetesResource & Equatable>(_ type: R.Type, _ text: String) throws -> R {
        let object = try R(json: try JSONValue(parsing: text))
        #expect(try R(json: object.json) == object)
        #expect(object.json["kind"]?.string == R.kind)
        #expect(object.json["apiVersion"]?.string == R.groupVersion)
        return object
    }

    @Test func `a node as the kubelet reports it`() throws {
        let node = try roundTrip(
            Node.self,
            """
            {"kind":"Node","metadata":{"name":"n1","uid":"u","resourceVersion":"9","labels":{"kubernetes.io/arch":"arm64"},
              "creationTimestamp":"2026-11-20T10:00:00Z","managedFields":[{"manager":"kubelet"}]},
             "spec":{"unschedulable":true,"taints":[{"key":"gpu","value":"yes","effect":"NoSchedule"}],"podCIDR":"10.0.0.0/24"},
             "status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"2026-11-20T10:00:00Z"},
               {"type":"DiskPressure","status":"Strange"}],"allocatable":{"ephemeral-storage":"94Gi","cpu":"4"},
              "nodeInfo":{"kubeletVersion":"v1.36.0","containerRuntimeVersion":"containerd://2.2.0","operatingSystem":"linux",
               "architecture":"arm64","bootID":"x"},
              "images":[{"names":["docker.io/library/nginx:1.27","docker.io/library/nginx@sha256:ab"],"sizeBytes":123}]}}
            """
        )
        #expect(node.spec.unschedulable)
        #expect(node.spec.taints == [Taint(key: "gpu", value: "yes", effect: "NoSchedule")])
        #expect(node.status.conditions.isTrue("Ready"))
        #expect(node.status.conditions["DiskPressure"]?.status == .unknown)
        #expect(node.status.images.first?.names.count == 2)
        #expect(node.status.allocatable["ephemeral-storage"] == "94Gi")
        #expect(node.metadata.creationTimestamp?.rfc3339 == "2026-11-20T10:00:00Z")
    }

    @Test func `a Pod that pulls by image volumes`() throws {
        let pod = try roundTrip(
            Pod.self,
            """
            {"metadata":{"name":"p","namespace":"ns","ownerReferences":[{"apiVersion":"batch/v1","kind":"Job","name":"j",
              "uid":"u","controller":true,"blockOwnerDeletion":false}],"finalizers":["f"]},
             "spec":{"nodeName":"n1","restartPolicy":"Never","automountServiceAccountToken":false,
              "imagePullSecrets":[{"name":"s1"},{"name":"s2"}],"priorityClassName":"low","activeDeadlineSeconds":300,
              "affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[
                {"matchFields":[{"key":"metadata.name","operator":"In","values":["n1"]}]}]}}},
              "tolerations":[{"key":"gpu","operator":"Exists","effect":"NoSchedule"}],
              "securityContext":{"runAsNonRoot":true,"runAsUser":65532,"seccompProfile":{"type":"RuntimeDefault"}},
              "volumes":[{"name":"image-0","image":{"reference":"nginx:1.27","pullPolicy":"Always"}},
               {"name":"bin","emptyDir":{"sizeLimit":"4Mi"}},{"name":"sec","secret":{"secretName":"x"}},
               {"name":"other","hostPath":{"path":"/"}}],
              "containers":[{"name":"image-0","image":"busybox","command":["/bin/busybox","true"],
               "resources":{"requests":{"cpu":"1m"},"limits":{"memory":"16Mi"}},
               "volumeMounts":[{"name":"image-0","mountPath":"/image","readOnly":true}],
               "securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true}}]},
             "status":{"phase":"Running","containerStatuses":[
               {"name":"image-0","image":"busybox","imageID":"docker.io/library/busybox@sha256:1","restartCount":2,"ready":false,
                "state":{"terminated":{"exitCode":0,"reason":"Completed","finishedAt":"2026-11-20T10:00:00Z"}},
                "volumeMounts":[{"name":"image-0","mountPath":"/image","volumeStatus":{"image":{"imageRef":"nginx@sha256:2"}}}]},
               {"name":"w","state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off"}},"lastState":{}},
               {"name":"r","state":{"running":{"startedAt":"2026-11-20T10:00:00Z"}}}]}}
            """
        )
        #expect(pod.spec.affinity == .node(named: "n1"))
        #expect(pod.spec.imagePullSecrets == ["s1", "s2"])
        #expect(pod.spec.volumes[0].source == .image(reference: "nginx:1.27", pullPolicy: "Always"))
        #expect(pod.spec.volumes[3].source == .other(key: "hostPath", value: ["path": "/"]))
        #expect(pod.spec.containers[0].securityContext?.droppedCapabilities == ["ALL"])
        let statuses = pod.status.containerStatuses
        #expect(statuses[0].volumeMounts.first?.imageRef == "nginx@sha256:2")
        guard case .terminated(let end) = statuses[0].state else {
            Issue.record("not terminated")
            return
        }
        #expect(end.exitCode == 0)
        #expect(statuses[1].state == .waiting(reason: "ImagePullBackOff", message: "Back-off"))
        #expect(statuses[1].lastState == nil)
        #expect(pod.metadata.ownerReferences.first?.controller == true)
    }

    @Test func `a Job and how it ended`() throws {
        let job = try roundTrip(
            Job.self,
            """
            {"metadata":{"name":"j"},"spec":{"backoffLimit":0,"activeDeadlineSeconds":60,"ttlSecondsAfterFinished":900,
              "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}},
             "status":{"failed":1,"conditions":[{"type":"Failed","status":"True","reason":"DeadlineExceeded"}]}}
            """
        )
        #expect(job.spec.backoffLimit == 0)
        #expect(job.spec.template.metadata.labels == ["a": "b"])
        #expect(job.status.isFinished)
        #expect(job.status.conditions["Failed"]?.reason == "DeadlineExceeded")
        #expect(!JobStatus().isFinished)
    }

    @Test func `a Lease keeps six digits of its times`() throws {
        let lease = try roundTrip(
            Lease.self,
            """
            {"metadata":{"name":"l"},"spec":{"holderIdentity":"a","leaseDurationSeconds":15,"leaseTransitions":2,
             "renewTime":"2026-11-20T10:00:00.000000Z"}}
            """
        )
        #expect(lease.json["spec"]?["renewTime"]?.string == "2026-11-20T10:00:00.000000Z")
        #expect(lease.holderIdentity == "a")
    }

    @Test func `events, namespaces and accounts`() throws {
        let event = try roundTrip(
            CoreEvent.self,
            """
            {"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p","namespace":"ns","uid":"u"},"reason":"Pulled",
             "message":"m","type":"Normal","source":{"component":"kubelet"},"count":3}
            """
        )
        #expect(event.component == "kubelet")
        #expect(event.count == 3)
        #expect(
            try roundTrip(Namespace.self, #"{"metadata":{"name":"n"},"status":{"phase":"Active"}}"#).phase == "Active"
        )
        let account = try roundTrip(
            ServiceAccount.self,
            #"{"metadata":{"name":"default"},"imagePullSecrets":[{"name":"a"}]}"#
        )
        #expect(account.imagePullSecrets == ["a"])
    }

    @Test func `the values of a Secret are in its JSON and nowhere else`() throws {
        let text =
            #"{"metadata":{"name":"s"},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"aHVudGVyMg=="}}"#
        let secret = try roundTrip(Secret.self, text)
        #expect(secret.type == Secret.dockerConfigJSONType)
        #expect(secret.data[Secret.dockerConfigJSONKey]?.exposeUTF8() == "hunter2")
        #expect(secret.json["data"]?[".dockerconfigjson"]?.string == "aHVudGVyMg==")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped] {
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("aHVudGVyMg"))
        }
    }

    @Test func `a Secret that is not base64 names the place and not the value`() throws {
        let json = try JSONValue(parsing: #"{"metadata":{"name":"s"},"data":{"k/1":"not base64!"}}"#)
        let error = #expect(throws: JSONMappingError.self) { try Secret(json: json) }
        #expect(error?.pointer.description == "/data/k~11")
        #expect(error.map { "\($0)" }?.contains("not base64!") == false)
    }

    @Test(arguments: [
        "{}", "[]", "null", "7", #"{"metadata":[],"spec":7,"status":"x"}"#,
        #"{"metadata":{"labels":["a"],"ownerReferences":{}},"spec":{"containers":[1,null,"x"],"volumes":[{}]}}"#,
        #"{"spec":{"template":null,"taints":[[]]},"status":{"conditions":[null],"containerStatuses":[{"state":[]}]}}"#,
    ])
    func `objects of the wrong shape do not crash`(text: String) throws {
        let json = try JSONValue(parsing: text)
        _ = try? Pod(json: json)
        _ = try? Job(json: json)
        _ = try? Node(json: json)
        _ = try? Secret(json: json)
        _ = try? Lease(json: json)
        _ = try? CoreEvent(json: json)
    }

    @Test(arguments: [
        (Toleration(operator: "Exists"), true), (Toleration(key: "gpu", operator: "Exists"), true),
        (Toleration(key: "gpu", value: "yes"), true), (Toleration(key: "gpu", operator: "Equal", value: "no"), false),
        (Toleration(key: "gpu", value: "yes", effect: "NoExecute"), false), (Toleration(key: "other"), false),
        (Toleration(key: "gpu", operator: "Exists", effect: "NoSchedule"), true),
    ])
    func `a toleration covers a taint by the scheduler's rules`(toleration: Toleration, covers: Bool) {
        #expect(toleration.tolerates(Taint(key: "gpu", value: "yes", effect: "NoSchedule")) == covers)
    }

    @Test func `an owner without a uid cannot be referred to`() {
        let job = Job(metadata: ObjectMeta(name: "j"), spec: JobSpec(template: PodTemplate(spec: PodSpec())))
        #expect(OwnerReference(controller: job) == nil)
        var known = job
        known.metadata.uid = "u"
        #expect(OwnerReference(controller: known)?.apiVersion == "batch/v1")
    }
}
