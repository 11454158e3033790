package import WireFormats

/// What a Pod is doing.
package struct PodStatus: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The phase of a Pod.
    package enum Phase: String, Sendable, Hashable, CaseIterable {
        case pending = "Pending"
        case running = "Running"
        case succeeded = "Succeeded"
        case failed = "Failed"
        case unknown = "Unknown"
    }

    /// The phase; `nil` before the server has set one.
    package var phase: Phase?
    /// Why the Pod is in its phase, as a constant (`Evicted`, `DeadlineExceeded`).
    package var reason: String?
    /// The same for people.
    package var message: String?
    /// `PodScheduled`, `Ready`, `DisruptionTarget` and others.
    package var conditions: [Condition]
    /// When the kubelet took the Pod up.
    package var startTime: Timestamp?
    /// The init containers' states.
    package var initContainerStatuses: [ContainerStatus]
    /// The containers' states.
    package var containerStatuses: [ContainerStatus]

    /// Creates a status.
    package init(
        phase: Phase? = nil,
        reason: String? = nil,
        message: String? = nil,
        conditions: [Condition] = [],
        startTime: Timestamp? = nil,
        initContainerStatuses: [ContainerStatus] = [],
        containerStatuses: [ContainerStatus] = []
    ) {
        self.phase = phase
        self.reason = reason
        self.message = message
        self.conditions = conditions
        self.startTime = startTime
        self.initContainerStatuses = initContainerStatuses
        self.containerStatuses = containerStatuses
    }

    /// Reads a status.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            phase: json["phase"]?.string.map { Phase(rawValue: $0) ?? .unknown },
            reason: json["reason"]?.string,
            message: json["message"]?.string,
            conditions: try json.list("conditions"),
            startTime: json.timestamp("startTime"),
            initContainerStatuses: try json.list("initContainerStatuses"),
            containerStatuses: try json.list("containerStatuses")
        )
    }

    /// The status as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("phase", phase?.rawValue)
        object.set("reason", reason)
        object.set("message", message)
        object.set("conditions", conditions)
        object.set("startTime", startTime?.rfc3339Seconds)
        object.set("initContainerStatuses", initContainerStatuses)
        object.set("containerStatuses", containerStatuses)
        return .object(object)
    }
}

/// What one container is doing.
package struct ContainerStatus: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The container's name.
    package var name: String
    /// The image as the runtime names it.
    package var image: String
    /// The image's identity once it is on the node, with its digest; empty before.
    package var imageID: String
    /// What it is doing now.
    package var state: ContainerState?
    /// What it did before the last restart.
    package var lastState: ContainerState?
    /// How often it was restarted.
    package var restartCount: Int
    /// Whether it passes its readiness probe.
    package var ready: Bool
    /// The mounts, with the digests of image volumes where the server reports them.
    package var volumeMounts: [VolumeMountStatus]

    /// Creates a status.
    package init(
        name: String,
        image: String = "",
        imageID: String = "",
        state: ContainerState? = nil,
        lastState: ContainerState? = nil,
        restartCount: Int = 0,
        ready: Bool = false,
        volumeMounts: [VolumeMountStatus] = []
    ) {
        self.name = name
        self.image = image
        self.imageID = imageID
        self.state = state
        self.lastState = lastState
        self.restartCount = restartCount
        self.ready = ready
        self.volumeMounts = volumeMounts
    }

    /// Reads a status.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            name: json["name"]?.string ?? "",
            image: json["image"]?.string ?? "",
            imageID: json["imageID"]?.string ?? "",
            state: ContainerState(from: json["state"]),
            lastState: ContainerState(from: json["lastState"]),
            restartCount: json["restartCount"]?.integer ?? 0,
            ready: json["ready"]?.bool ?? false,
            volumeMounts: try json.list("volumeMounts")
        )
    }

    /// The status as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("name", name)
        object.set("image", image)
        object.set("imageID", imageID)
        object.set("state", state)
        object.set("lastState", lastState)
        object.set("restartCount", restartCount)
        object.set("ready", ready)
        object.set("volumeMounts", volumeMounts)
        return .object(object)
    }
}

/// What a container is doing: one of three.
package enum ContainerState: Sendable, Hashable, JSONEncodable {
    /// Not started; the reason tells why (`ContainerCreating`, `ErrImagePull`, `ImagePullBackOff`).
    case waiting(reason: String, message: String)
    /// Running since a time.
    case running(startedAt: Timestamp?)
    /// Ended.
    case terminated(ContainerTermination)

    /// Reads a state; `nil` where there is none, or one of no known kind.
    init?(from json: JSONValue?) {
        guard let json else { return nil }
        if let waiting = json["waiting"] {
            self = .waiting(reason: waiting["reason"]?.string ?? "", message: waiting["message"]?.string ?? "")
        } else if let running = json["running"] {
            self = .running(startedAt: running.timestamp("startedAt"))
        } else if let terminated = json["terminated"] {
            self = .terminated(ContainerTermination(json: terminated))
        } else {
            return nil
        }
    }

    /// The state as the API takes it.
    package var json: JSONValue {
        var value = JSONObject()
        switch self {
        case .waiting(let reason, let message):
            value.set("reason", reason.isEmpty ? nil : reason)
            value.set("message", message.isEmpty ? nil : message)
            return .object(["waiting": .object(value)])
        case .running(let startedAt):
            value.set("startedAt", startedAt?.rfc3339Seconds)
            return .object(["running": .object(value)])
        case .terminated(let termination):
            return .object(["terminated": termination.json])
        }
    }
}

/// How a container ended.
package struct ContainerTermination: Sendable, Hashable, JSONEncodable {
    /// The exit code.
    package var exitCode: Int
    /// Why, as a constant (`Completed`, `Error`, `OOMKilled`, `StartError`).
    package var reason: String
    /// The same for people.
    package var message: String
    /// When it started.
    package var startedAt: Timestamp?
    /// When it ended.
    package var finishedAt: Timestamp?

    /// Creates a termination.
    package init(
        exitCode: Int,
        reason: String = "",
        message: String = "",
        startedAt: Timestamp? = nil,
        finishedAt: Timestamp? = nil
    ) {
        self.exitCode = exitCode
        self.reason = reason
        self.message = message
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }

    /// Reads a termination; without an exit code it counts as failed.
    init(json: JSONValue) {
        self.init(
            exitCode: json["exitCode"]?.integer ?? -1,
            reason: json["reason"]?.string ?? "",
            message: json["message"]?.string ?? "",
            startedAt: json.timestamp("startedAt"),
            finishedAt: json.timestamp("finishedAt")
        )
    }

    /// The termination as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("exitCode", exitCode)
        object.set("reason", reason.isEmpty ? nil : reason)
        object.set("message", message.isEmpty ? nil : message)
        object.set("startedAt", startedAt?.rfc3339Seconds)
        object.set("finishedAt", finishedAt?.rfc3339Seconds)
        return .object(object)
    }
}

/// A mount as the kubelet has made it.
package struct VolumeMountStatus: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The volume's name.
    package var name: String
    /// The path in the container.
    package var mountPath: String
    /// The image's identity for an image volume, where the feature `ImageVolumeWithDigest` is on.
    package var imageRef: String?

    /// Creates a status.
    package init(name: String, mountPath: String, imageRef: String? = nil) {
        self.name = name
        self.mountPath = mountPath
        self.imageRef = imageRef
    }

    /// Reads a status.
    package init(json: JSONValue) throws(JSONMappingError) {
        name = json["name"]?.string ?? ""
        mountPath = json["mountPath"]?.string ?? ""
        imageRef = json["volumeStatus"]?["image"]?["imageRef"]?.string
    }

    /// The status as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("name", name)
        object.set("mountPath", mountPath)
        if let imageRef {
            object["volumeStatus"] = .object(["image": .object(["imageRef": .string(imageRef)])])
        }
        return .object(object)
    }
}
