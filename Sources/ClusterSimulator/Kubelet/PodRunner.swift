import WireFormats

/// A Pod on its node: what its containers and images are doing.
final class PodRunner {
    /// One image the Pod needs, with the policy it is needed under.
    struct ImageKey: Hashable {
        var reference: String
        var policy: String
    }

    struct ImageNeed {
        enum Stage: Equatable {
            case needed
            case pulling
            /// `imageID`, and the user and command of its configuration.
            case present(imageID: String, image: PulledImage)
            /// Waits for its back-off, or for ever.
            case failed
        }

        var stage = Stage.needed
        var attempts = 0
        /// The waiting reason that is shown, from the first failure on.
        var shown: (reason: String, message: String)?
        var lastError = ""
    }

    struct Container {
        enum State: Equatable {
            case waiting
            case running(since: Timestamp)
            case terminated(Termination)
        }

        struct Termination: Equatable {
            var exitCode: Int
            var reason: String
            var message: String?
            var startedAt: Timestamp?
            var finishedAt: Timestamp
        }

        var spec: JSONValue
        var isInit: Bool
        var state = State.waiting
        var last: Termination?
        var restartCount = 0
        var imageID = ""
        var containerID = ""
        /// A waiting reason of its own, beside those of its images.
        var blocked: (reason: String, message: String)?
        /// Whether it waits for its restart.
        var isBackingOff = false

        var name: String { spec["name"]?.string ?? "" }
        var image: ImageKey {
            ImageKey(reference: spec["image"]?.string ?? "", policy: spec["imagePullPolicy"]?.string ?? "IfNotPresent")
        }
        var termination: Termination? {
            if case .terminated(let termination) = state { termination } else { nil }
        }
        var isRunning: Bool { if case .running = state { true } else { false } }
    }

    let key: ObjectKey
    let uid: String
    let node: String
    let spec: JSONValue
    /// Tells this runner from an earlier one of the same Pod, for timers.
    let generation: Int
    var containers: [Container]
    var images: [ImageKey: ImageNeed] = [:]
    /// The image volumes in order.
    let imageVolumes: [(name: String, image: ImageKey)]
    /// Files in the Pod's `emptyDir` volumes, by the volume's name.
    var files: [String: Set<String>] = [:]
    var activePull: (id: Int, image: ImageKey)?
    var startTime = Timestamp.now()
    let address: String
    var phase = "Pending"
    var reason: String?
    var message: String?

    init(pod: StoredObject, generation: Int, address: String) {
        key = pod.key
        uid = pod.uid
        let spec = pod.json["spec"] ?? [:]
        self.spec = spec
        node = spec["nodeName"]?.string ?? ""
        self.generation = generation
        self.address = address
        containers =
            (spec["initContainers"]?.array ?? []).map { Container(spec: $0, isInit: true) }
            + (spec["containers"]?.array ?? []).map { Container(spec: $0, isInit: false) }
        imageVolumes = (spec["volumes"]?.array ?? []).compactMap { volume in
            guard let image = volume["image"], let reference = image["reference"]?.string else { return nil }
            let policy = image["pullPolicy"]?.string ?? "IfNotPresent"
            return (volume["name"]?.string ?? "", ImageKey(reference: reference, policy: policy))
        }
        if let text = pod.json[path: "status", "startTime"]?.string, let time = Timestamp(rfc3339: text) {
            startTime = time
        }
        for image in imageVolumes.map(\.image) + containers.map(\.image) { images[image] = ImageNeed() }
    }

    var hasEnded: Bool { phase == "Succeeded" || phase == "Failed" }
    var restartPolicy: String { spec["restartPolicy"]?.string ?? "Always" }

    var pullSecretNames: [String] { (spec["imagePullSecrets"]?.array ?? []).compactMap { $0["name"]?.string } }

    /// The image volumes a container mounts.
    func mountedImages(_ container: Container) -> [ImageKey] {
        let names = Set((container.spec["volumeMounts"]?.array ?? []).compactMap { $0["name"]?.string })
        return imageVolumes.filter { names.contains($0.name) }.map(\.image)
    }

    /// The failure that keeps a container from starting: of a volume it mounts, of its image, or its own.
    func waitingReason(_ container: Container) -> (reason: String, message: String)? {
        if let blocked = container.blocked { return blocked }
        for image in mountedImages(container) + [container.image] {
            if let shown = images[image]?.shown { return shown }
        }
        return nil
    }

    // MARK: Files

    private func emptyDirectoryMounts(_ container: Container) -> [(volume: String, path: String, isReadOnly: Bool)] {
        let volumes = Set(
            (spec["volumes"]?.array ?? []).filter { $0["emptyDir"] != nil }.compactMap { $0["name"]?.string }
        )
        return (container.spec["volumeMounts"]?.array ?? []).compactMap { mount in
            guard let name = mount["name"]?.string, volumes.contains(name), let path = mount["mountPath"]?.string else {
                return nil
            }
            return (name, path, mount["readOnly"]?.bool ?? false)
        }
    }

    /// What a container finds in its file system.
    func visibleFiles(_ container: Container, isHelper: Bool) -> ContainerCommand.Files {
        let mounts = emptyDirectoryMounts(container)
        let mounted = mounts.flatMap { mount in (files[mount.volume] ?? []).map { "\(mount.path)/\($0)" } }
        return ContainerCommand.Files(
            isHelper: isHelper,
            mounted: Set(mounted),
            writable: mounts.filter { !$0.isReadOnly }.map(\.path)
        )
    }

    /// Keeps the files a container has written into volumes.
    func keep(_ paths: Set<String>, from container: Container) {
        for mount in emptyDirectoryMounts(container) where !mount.isReadOnly {
            for path in paths where path.hasPrefix("\(mount.path)/") {
                files[mount.volume, default: []].insert(String(path.dropFirst(mount.path.count + 1)))
            }
        }
    }
}
