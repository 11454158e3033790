import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// Makes the Job of one attempt on one node.
struct JobTemplate: Sendable {
    let taskID: TaskID
    let spec: TaskSpec
    let owner: OwnerReference
    let namespace: String
    let helperImage: String
    let priorityClassName: String?

    /// How long a finished Job stays when nobody deletes it.
    static let ttlSeconds = 900
    /// The user that puller containers run as: no user of the image needs to exist for it.
    private static let userID = 65_532

    /// The Job.
    ///
    /// - Parameters:
    ///   - start: The attempt.
    ///   - method: How the images get onto the node.
    /// - Returns: A Job with one Pod, bound to the node by affinity, with one container for each image.
    func job(_ start: TaskRun.JobStart, method: PullMethod) -> Job {
        let labels = [
            PullTaskKeys.managedBy: PullTaskKeys.manager,
            PullTaskKeys.task: taskID.text,
            PullTaskKeys.project: spec.project,
            PullTaskKeys.nodeHash: SecretNames.nodeHash(start.node),
            PullTaskKeys.attempt: String(start.attempt),
        ]
        let images = JSONValue.array(start.images.map { .string($0) }).text()
        var annotations = [PullTaskKeys.node: start.node, PullTaskKeys.images: images]
        let metadata = ObjectMeta(
            name: SecretNames.job(taskID, node: start.node, attempt: start.attempt),
            namespace: namespace,
            labels: labels,
            annotations: annotations,
            ownerReferences: [owner]
        )
        annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] = "true"
        // Meshes would keep the Pod from ever ending, and nothing in it talks to anyone.
        annotations["sidecar.istio.io/inject"] = "false"
        annotations["linkerd.io/inject"] = "disabled"
        return Job(
            metadata: metadata,
            spec: JobSpec(
                template: PodTemplate(
                    metadata: ObjectMeta(labels: labels, annotations: annotations),
                    spec: podSpec(start, method)
                ),
                backoffLimit: 0,
                activeDeadlineSeconds: max(1, Int(start.timeLimit.components.seconds)),
                ttlSecondsAfterFinished: Self.ttlSeconds
            )
        )
    }

    private func podSpec(_ start: TaskRun.JobStart, _ method: PullMethod) -> PodSpec {
        var pod = PodSpec(
            restartPolicy: "Never",
            terminationGracePeriodSeconds: 0,
            affinity: .node(named: start.node),
            tolerations: spec.nodeSelection.podTolerations.map { toleration in
                KubernetesAPI.Toleration(
                    key: toleration.key,
                    operator: toleration.operator.rawValue,
                    value: toleration.operator == .equal ? toleration.value : nil,
                    effect: toleration.effect?.rawValue
                )
            },
            imagePullSecrets: start.secretNames,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            priorityClassName: priorityClassName,
            securityContext: SecurityContext(
                runAsNonRoot: true,
                runAsUser: Self.userID,
                runAsGroup: Self.userID,
                seccompProfileType: "RuntimeDefault"
            )
        )
        switch method {
        case .imageVolume: addImageVolumes(start.images, to: &pod)
        case .kubelet: addImageContainers(start.images, to: &pod)
        }
        return pod
    }

    /// Each image in a container of its own: a failed volume holds up only the containers that mount it.
    private func addImageVolumes(_ images: [String], to pod: inout PodSpec) {
        for (index, image) in images.enumerated() {
            let name = Self.containerName(index)
            let policy = pullPolicy(image)
            pod.volumes.append(Volume(name: name, source: .image(reference: image, pullPolicy: policy)))
            pod.containers.append(
                container(
                    name,
                    image: helperImage,
                    policy: "IfNotPresent",
                    command: ["/bin/busybox", "true"],
                    mounts: [VolumeMount(name: name, mountPath: "/image", readOnly: true)]
                )
            )
        }
    }

    /// Images may hold no program at all, so each runs a static one that an init container puts beside it.
    private func addImageContainers(_ images: [String], to pod: inout PodSpec) {
        let mount = VolumeMount(name: "longshore", mountPath: "/longshore")
        pod.volumes = [Volume(name: "longshore", source: .emptyDir(medium: nil, sizeLimit: "16Mi"))]
        pod.initContainers = [
            container(
                Self.helperName,
                image: helperImage,
                policy: "IfNotPresent",
                command: ["/bin/busybox", "cp", "/bin/busybox", "/longshore/busybox"],
                mounts: [mount]
            )
        ]
        for (index, image) in images.enumerated() {
            pod.containers.append(
                container(
                    Self.containerName(index),
                    image: image,
                    policy: pullPolicy(image),
                    command: ["/longshore/busybox", "true"],
                    mounts: [VolumeMount(name: "longshore", mountPath: "/longshore", readOnly: true)]
                )
            )
        }
    }

    private func container(
        _ name: String,
        image: String,
        policy: String,
        command: [String],
        mounts: [VolumeMount]
    ) -> Container {
        Container(
            name: name,
            image: image,
            imagePullPolicy: policy,
            command: command,
            // Next to nothing, so that a full node still runs it; what starting a container costs is no part of its limit.
            resources: ResourceRequirements(
                requests: ["cpu": "1m", "memory": "8Mi"],
                limits: ["memory": "64Mi"]
            ),
            volumeMounts: mounts,
            securityContext: SecurityContext(
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                droppedCapabilities: ["ALL"]
            )
        )
    }

    private func pullPolicy(_ image: String) -> String {
        guard let reference = try? ImageReference(parsing: image) else {
            return (spec.pullPolicy ?? .ifNotPresent).rawValue
        }
        return spec.effectivePullPolicy(for: reference).rawValue
    }

    /// The name of the container for an image.
    static func containerName(_ index: Int) -> String { "image-\(index)" }

    /// The number of the image that a container is for.
    static func imageIndex(ofContainer name: String) -> Int? {
        name.hasPrefix("image-") ? Int(name.dropFirst("image-".count)) : nil
    }

    /// The init container of the method `kubelet`.
    static let helperName = "helper"
}
