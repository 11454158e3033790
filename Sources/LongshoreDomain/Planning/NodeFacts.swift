/// What planning needs to know of a node, as the cluster reports it.
package struct NodeFacts: Sendable, Hashable {
    /// The node's name.
    package var name: String
    /// The node's labels.
    package var labels: [String: String]
    /// The node's taints.
    package var taints: [Taint]
    /// Whether the condition `Ready` is true.
    package var isReady: Bool
    /// Whether the node is cordoned (`spec.unschedulable`).
    package var isUnschedulable: Bool
    /// Whether the node is being deleted.
    package var isDeleting: Bool
    /// The operating system, as in `status.nodeInfo`: `linux`, `windows`. Empty when it is not reported.
    package var operatingSystem: String
    /// The processor architecture, as in `status.nodeInfo`: `amd64`, `arm64`. Empty when it is not reported.
    package var architecture: String
    /// The kubelet's version: `v1.36.0`.
    package var kubeletVersion: String
    /// The container runtime and its version: `containerd://2.2.0`.
    package var runtimeVersion: String
    /// The platform of a node with no machine behind it; `nil` for a machine. See ``VirtualNodes``.
    package var virtualPlatform: String?
    /// Whether the condition `DiskPressure` is true.
    package var hasDiskPressure: Bool
    /// The names under which the node lists images, whole. The list may be cut: what is not in it may still be there.
    package var imageNames: Set<String>
    /// Allocatable ephemeral storage in bytes, when it is reported.
    package var allocatableEphemeralStorageBytes: Int64?

    /// Makes a ready Linux node; the rest is set by its properties.
    ///
    /// - Parameters:
    ///   - name: The node's name.
    ///   - labels: The node's labels.
    package init(name: String, labels: [String: String] = [:]) {
        self.name = name
        self.labels = labels
        self.taints = []
        self.isReady = true
        self.isUnschedulable = false
        self.isDeleting = false
        self.operatingSystem = "linux"
        self.architecture = "amd64"
        self.kubeletVersion = ""
        self.runtimeVersion = ""
        self.virtualPlatform = nil
        self.hasDiskPressure = false
        self.imageNames = []
        self.allocatableEphemeralStorageBytes = nil
    }
}
