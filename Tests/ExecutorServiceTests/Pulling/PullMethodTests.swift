import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Testing
import WireFormats

@testable import ExecutorService

@Suite struct PullMethodTests {
    @Test(arguments: [
        ("v1.36.0", "containerd://2.2.0", PullMethod.imageVolume),
        ("v1.35.1-eks-1", "containerd://2.1.0", .imageVolume),
        ("v1.35.0+k3s1", "containerd://2.1.5-k3s1", .imageVolume), ("v1.36.0", "cri-o://1.31.0", .imageVolume),
        ("v1.34.9", "containerd://2.2.0", .kubelet), ("v1.36.0", "containerd://2.0.9", .kubelet),
        ("v1.36.0", "containerd://1.7.20", .kubelet), ("v1.36.0", "cri-o://1.30.4", .kubelet),
        ("v1.36.0", "docker://28.0.0", .kubelet), ("", "", .kubelet), ("v1", "containerd", .kubelet),
        ("vx.y", "containerd://a.b", .kubelet), ("v2.0.0", "containerd://3.0.0", .imageVolume),
    ])
    func `auto takes image volumes where kubelet and runtime both have them`(
        kubelet: String,
        runtime: String,
        expected: PullMethod
    ) {
        let method = PullMethod.choose(.auto, kubeletVersion: kubelet, runtimeVersion: runtime, firstMinor: 35)
        #expect(method == expected)
    }

    @Test func `a wish is followed whatever the node is`() {
        #expect(PullMethod.choose(.imageVolume, kubeletVersion: "", runtimeVersion: "", firstMinor: 35) == .imageVolume)
        #expect(
            PullMethod.choose(.kubelet, kubeletVersion: "v1.36.0", runtimeVersion: "containerd://2.2.0", firstMinor: 35)
                == .kubelet
        )
    }

    @Test(
        arguments: [
            ("0", 0), ("107374182400", 107_374_182_400), ("100Gi", 107_374_182_400), ("96.5G", 96_500_000_000),
            ("1500m", 1), ("1e3", 1_000), ("12Ki", 12_288), ("x", nil), ("", nil), ("-5", nil), ("5Zi", nil),
            ("1e99", nil),
        ] as [(String, Int64?)]
    )
    func `quantities are read`(text: String, bytes: Int64?) {
        #expect(Quantity.bytes(text) == bytes)
    }
}

@Suite struct JobTemplateTests {
    static let task = TaskID("01hzy5c3d4e5f6g7h8j9kamnpq")!

    static func template(_ change: (inout TaskSpec) -> Void = { _ in }) throws -> JobTemplate {
        var spec = TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx:1.27"))])
        change(&spec)
        return JobTemplate(
            taskID: task,
            spec: spec,
            owner: OwnerReference(apiVersion: "longshore.dev/v1", kind: "PullTask", name: "t", uid: "u"),
            namespace: "longshore",
            helperImage: AttemptObserverTests.helper,
            priorityClassName: "low"
        )
    }

    static let start = TaskRun.JobStart(
        node: String(repeating: "n", count: 200) + ".example.com",
        attempt: 3,
        images: ["docker.io/library/nginx:1.27", "r.example.com/ml/train@sha256:0"],
        secretNames: ["pull-a", "pull-b"],
        timeLimit: .seconds(420)
    )

    @Test(arguments: [PullMethod.imageVolume, .kubelet])
    func `a Job is bound to its node, bounded in time, owned, unprivileged and named within limits`(
        method: PullMethod
    ) throws {
        let job = try Self.template().job(Self.start, method: method)
        #expect(job.metadata.name == SecretNames.job(Self.task, node: Self.start.node, attempt: 3))
        #expect((job.metadata.name?.count ?? 99) <= 63)
        #expect(job.metadata.labels.values.allSatisfy { $0.count <= 63 })
        #expect(job.metadata.ownerReferences.map(\.uid) == ["u"])
        #expect(job.spec.backoffLimit == 0 && job.spec.activeDeadlineSeconds == 420)
        #expect(job.spec.ttlSecondsAfterFinished == 900)
        let pod = job.spec.template.spec
        let field = pod.affinity?.requiredNodeTerms.first?.matchFields.first
        #expect(field?.key == "metadata.name" && field?.values == [Self.start.node])
        #expect(pod.restartPolicy == "Never" && pod.automountServiceAccountToken == false)
        #expect(pod.imagePullSecrets == ["pull-a", "pull-b"] && pod.priorityClassName == "low")
        #expect(
            pod.securityContext?.runAsNonRoot == true && pod.securityContext?.seccompProfileType == "RuntimeDefault"
        )
        for container in pod.containers + pod.initContainers {
            #expect(container.securityContext?.allowPrivilegeEscalation == false)
            #expect(container.securityContext?.droppedCapabilities == ["ALL"])
            #expect(container.securityContext?.readOnlyRootFilesystem == true)
        }
        #expect(pod.containers.map(\.name) == ["image-0", "image-1"])
        let annotations = job.spec.template.metadata.annotations
        #expect(annotations[PullTaskKeys.node] == Self.start.node)
        #expect(
            annotations[PullTaskKeys.images] == "[\"docker.io/library/nginx:1.27\",\"r.example.com/ml/train@sha256:0\"]"
        )
        #expect(AttemptKey(job.metadata) == AttemptKey(nodeHash: SecretNames.nodeHash(Self.start.node), attempt: 3))
    }

    @Test func `with image volumes each image has a container that mounts nothing else`() throws {
        let pod = try Self.template().job(Self.start, method: .imageVolume).spec.template.spec
        #expect(pod.initContainers.isEmpty)
        #expect(pod.containers.map { $0.volumeMounts.map(\.name) } == [["image-0"], ["image-1"]])
        #expect(
            pod.containers.allSatisfy {
                $0.image == AttemptObserverTests.helper && $0.command == ["/bin/busybox", "true"]
            }
        )
        #expect(
            pod.volumes.map(\.source) == [
                .image(reference: "docker.io/library/nginx:1.27", pullPolicy: "IfNotPresent"),
                .image(reference: "r.example.com/ml/train@sha256:0", pullPolicy: "IfNotPresent"),
            ]
        )
    }

    @Test func `without them each image runs a static program that is put beside it`() throws {
        let pod = try Self.template { $0.pullPolicy = .always }.job(Self.start, method: .kubelet).spec.template.spec
        #expect(pod.initContainers.map(\.image) == [AttemptObserverTests.helper])
        #expect(pod.containers.map(\.image) == Self.start.images)
        #expect(
            pod.containers.allSatisfy {
                $0.imagePullPolicy == "Always" && $0.command == ["/longshore/busybox", "true"]
            }
        )
    }

    @Test func `tolerations are those that were chosen`() throws {
        let template = try Self.template { spec in
            spec.nodeSelection.includeCordoned = true
            spec.nodeSelection.tolerations = [
                LongshoreDomain.Toleration(key: "gpu", operator: .equal, value: "yes", effect: .noSchedule)
            ]
        }
        let tolerations = template.job(Self.start, method: .kubelet).spec.template.spec.tolerations
        #expect(tolerations.map(\.key) == ["gpu", "node.kubernetes.io/unschedulable"])
        #expect(tolerations.map(\.operator) == ["Equal", "Exists"])
        #expect(tolerations.map(\.value) == ["yes", nil])
    }
}
