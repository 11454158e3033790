package import Redaction
import WireFormats

/// A node of the simulated cluster, and how fast its link to the registries is.
package struct NodeTemplate: Sendable {
    /// The node's name, an RFC 1123 subdomain of at most 253 characters.
    package var name: String
    /// Added to the usual labels (`kubernetes.io/hostname`, `kubernetes.io/os`, `kubernetes.io/arch`).
    package var labels: [String: String]
    /// Taints of the specification; none unless told.
    package var taints: [Taint]
    /// `amd64`, `arm64`, …
    package var architecture: String
    /// `linux` unless told.
    package var operatingSystem: String
    /// How many Pods the node takes; 110 unless told.
    package var podCapacity: Int
    /// Room for images and Pods; 200 GB unless told.
    package var ephemeralStorageBytes: Int
    /// How long a pull takes beside the transfer; none unless told.
    package var pullLatency: Duration
    /// Bytes a second of a pull, unlimited when nil.
    package var bandwidthBytesPerSecond: Int?
    /// What the kubelet reports, `v1.36.0` unless told.
    package var kubeletVersion: String
    /// What the runtime reports, `containerd://2.2.0` unless told.
    package var runtimeVersion: String
    /// Whether the helper image is on the node from the start, so that it is never pulled; it is unless told.
    package var preloadsHelper = true
    /// Images that are on the node from the start, beside the helper image.
    package var preloadedImages: [String]
    /// Credentials that the node itself has, as a credential provider of the kubelet gives them to it; none unless told.
    /// They are tried after those of a Pod's Secrets.
    package var registryCredentials: [RegistryCredential]

    /// A credential that a node has without any Secret.
    package struct RegistryCredential: Sendable, Equatable {
        /// `host[:port][/path]`, as the key of a Docker configuration.
        package var location: String
        /// The user name.
        package var username: String
        /// The password.
        package var password: SecretBytes

        /// Creates a credential.
        package init(location: String, username: String, password: SecretBytes) {
            self.location = location
            self.username = username
            self.password = password
        }
    }

    /// A taint as in `spec.taints`.
    package struct Taint: Sendable, Equatable {
        /// The taint's key.
        package var key: String
        /// Empty without a value.
        package var value: String
        /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
        package var effect: String

        /// Creates a taint.
        package init(key: String, value: String = "", effect: String) {
            self.key = key
            self.value = value
            self.effect = effect
        }
    }

    /// Creates a node.
    package init(
        name: String,
        labels: [String: String] = [:],
        taints: [Taint] = [],
        architecture: String = "amd64",
        operatingSystem: String = "linux",
        podCapacity: Int = 110,
        ephemeralStorageBytes: Int = 200_000_000_000,
        pullLatency: Duration = .zero,
        bandwidthBytesPerSecond: Int? = nil,
        kubeletVersion: String = "v1.36.0",
        runtimeVersion: String = "containerd://2.2.0",
        preloadedImages: [String] = [],
        registryCredentials: [RegistryCredential] = []
    ) {
        self.name = name
        self.labels = labels
        self.taints = taints
        self.architecture = architecture
        self.operatingSystem = operatingSystem
        self.podCapacity = podCapacity
        self.ephemeralStorageBytes = ephemeralStorageBytes
        self.pullLatency = pullLatency
        self.bandwidthBytesPerSecond = bandwidthBytesPerSecond
        self.kubeletVersion = kubeletVersion
        self.runtimeVersion = runtimeVersion
        self.preloadedImages = preloadedImages
        self.registryCredentials = registryCredentials
    }

    /// `count` nodes of one kind, named `<prefix>-1` and so on.
    package static func numbered(_ count: Int, prefix: String = "node") -> [NodeTemplate] {
        (0..<count).map { NodeTemplate(name: "\(prefix)-\($0 + 1)") }
    }
}

extension NodeTemplate {
    /// The Node object, ready.
    func object(images: [JSONValue], now: Timestamp) -> JSONValue {
        var labels: JSONValue = [
            "kubernetes.io/hostname": .string(String(name.prefix(63))), "kubernetes.io/os": .string(operatingSystem),
            "kubernetes.io/arch": .string(architecture), "beta.kubernetes.io/os": .string(operatingSystem),
            "beta.kubernetes.io/arch": .string(architecture),
        ]
        for (key, value) in self.labels.sorted(by: { $0.key < $1.key }) { labels[key] = .string(value) }
        var spec: JSONValue = [:]
        if !taints.isEmpty {
            spec["taints"] = .array(
                taints.map { taint in
                    var json: JSONValue = ["key": .string(taint.key), "effect": .string(taint.effect)]
                    if !taint.value.isEmpty { json["value"] = .string(taint.value) }
                    return json
                }
            )
        }
        return [
            "apiVersion": "v1", "kind": "Node", "metadata": ["name": .string(name), "labels": labels], "spec": spec,
            "status": status(images: images, now: now.rfc3339Seconds),
        ]
    }

    func status(images: [JSONValue], now: String) -> JSONValue {
        let resources: JSONValue = [
            "cpu": "8", "memory": "32Gi", "pods": .string(String(podCapacity)),
            "ephemeral-storage": .string(String(ephemeralStorageBytes)),
        ]
        return [
            "capacity": resources, "allocatable": resources, "conditions": .array(Self.conditions(now: now)),
            "addresses": [
                ["type": "InternalIP", "address": "127.0.0.1"],
                ["type": "Hostname", "address": .string(name)],
            ],
            "daemonEndpoints": ["kubeletEndpoint": ["Port": 10_250]],
            "nodeInfo": [
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "6.12.0",
                "osImage": "Debian GNU/Linux 13 (trixie)", "containerRuntimeVersion": .string(runtimeVersion),
                "kubeletVersion": .string(kubeletVersion), "kubeProxyVersion": "",
                "operatingSystem": .string(operatingSystem), "architecture": .string(architecture),
            ],
            "images": .array(images),
        ]
    }

    private static func conditions(now: String) -> [JSONValue] {
        func condition(_ type: String, _ status: String, _ reason: String, _ message: String) -> JSONValue {
            [
                "type": .string(type), "status": .string(status), "lastHeartbeatTime": .string(now),
                "lastTransitionTime": .string(now), "reason": .string(reason), "message": .string(message),
            ]
        }
        return [
            condition(
                "MemoryPressure",
                "False",
                "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available"
            ),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ]
    }
}
