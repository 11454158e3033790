/// The marks by which nodes are known that have no machine of their own behind them.
///
/// Such a node runs each Pod somewhere else, with an image store of its own or with none: to pull onto it warms nothing, costs
/// money on most of these platforms, and on a simulated node is only said to have happened.
package enum VirtualNodes {
    /// What a node is recognised by; any one of a platform's marks is enough.
    package enum Mark: Sendable, Hashable {
        /// A label with this value; `nil` for any.
        case label(String, String?)
        /// An annotation with this value; `nil` for any.
        case annotation(String, String?)
        /// A taint with this key, whatever its value and effect.
        case taint(String)
        /// The beginning of `spec.providerID`.
        case providerIDPrefix(String)
        /// Something within `spec.providerID`.
        case providerIDPart(String)
        /// Something within `status.nodeInfo.kubeletVersion`.
        case kubeletVersionPart(String)
    }

    /// One platform's nodes.
    package struct Platform: Sendable, Hashable {
        /// The platform's name.
        package let name: String
        /// How its nodes are marked.
        package let marks: [Mark]
        /// The documentation or the source that names the marks.
        package let source: String
    }

    /// What is known of a node.
    package struct Sighting: Sendable, Hashable {
        /// The node's labels.
        package var labels: [String: String]
        /// The node's annotations.
        package var annotations: [String: String]
        /// The keys of its taints.
        package var taintKeys: [String]
        /// `spec.providerID`; empty when there is none.
        package var providerID: String
        /// `status.nodeInfo.kubeletVersion`.
        package var kubeletVersion: String

        /// Describes a node.
        package init(
            labels: [String: String] = [:],
            annotations: [String: String] = [:],
            taintKeys: [String] = [],
            providerID: String = "",
            kubeletVersion: String = ""
        ) {
            self.labels = labels
            self.annotations = annotations
            self.taintKeys = taintKeys
            self.providerID = providerID
            self.kubeletVersion = kubeletVersion
        }
    }

    /// All of them. What is more exact comes before the marks that many platforms share.
    package static let platforms: [Platform] = [
        Platform(
            // `auto` and `ec2` are values of the same label on nodes that are machines.
            name: "EKS Fargate",
            marks: [
                .label("eks.amazonaws.com/compute-type", "fargate"), .taint("eks.amazonaws.com/compute-type"),
                .providerIDPart("/fargate-"),
            ],
            source: "docs.aws.amazon.com, eks fargate; eks associate-workload; aws cloud-provider, fargate node names"
        ),
        Platform(
            name: "Tencent super node",
            marks: [
                .label("node.kubernetes.io/instance-type", "eklet"), .taint("eks.tke.cloud.tencent.com/eklet"),
                .kubeletVersionPart("-eklet"),
            ],
            source: "tencentcloud.com, document/product/457/40027 and 457/45561"
        ),
        Platform(
            name: "Liqo",
            marks: [
                .label("liqo.io/type", "virtual-node"), .taint("virtual-node.liqo.io/not-allowed"),
                .providerIDPrefix("liqo://"),
            ],
            source: "github.com/liqotech/liqo, pkg/consts"
        ),
        Platform(
            name: "KWOK",
            marks: [
                .annotation("kwok.x-k8s.io/node", nil), .label("kwok.x-k8s.io/node", nil), .label("type", "kwok"),
                .taint("kwok.x-k8s.io/node"), .providerIDPrefix("kwok:"), .kubeletVersionPart("kwok-"),
            ],
            source: "kwok.sigs.k8s.io, docs/user/kwok-manage-nodes-and-pods; sigs.k8s.io/karpenter, kwok"
        ),
        Platform(
            name: "Azure Container Instances",
            marks: [.taint("azure.com/aci"), .label("kubernetes.azure.com/role", "virtual-node-aci")],
            source: "learn.microsoft.com, aks virtual-nodes-cli"
        ),
        Platform(
            name: "InterLink",
            marks: [
                .label("virtual-node.interlink/type", "virtual-kubelet"), .taint("virtual-node.interlink/no-schedule"),
            ],
            source: "github.com/interTwin-eu/interLink, virtual kubelet"
        ),
        Platform(
            // Oracle's OKE and Volcano Engine's VKE.
            name: "virtual node",
            marks: [.label("node.kubernetes.io/instance-type", "virtual-node")],
            source: "docs.oracle.com, ContEng virtual nodes; volcengine.com, vke vci"
        ),
        Platform(
            // Alibaba's ECI, Huawei's CCI bursting (node `bursting-node`), Admiralty, HashiCorp Nomad, Titus and others.
            name: "virtual-kubelet",
            marks: [
                .label("type", "virtual-kubelet"), .label("kubernetes.io/role", "virtual-kubelet"),
                .label("node-role.kubernetes.io/virtual-kubelet", nil), .taint("virtual-kubelet.io/provider"),
                .label("virtual-kubelet.io/provider", nil), .kubeletVersionPart("virtual-kubelet"),
                .kubeletVersionPart("-vk-"),
            ],
            source: "github.com/virtual-kubelet/virtual-kubelet, cmd; support.huaweicloud.com, cce_10_0135; "
                + "alibabacloud.com, ack virtual nodes"
        ),
    ]

    /// Which platform a node belongs to.
    ///
    /// - Parameter node: What is known of it.
    /// - Returns: The platform; `nil` for a node with a machine.
    package static func platform(of node: Sighting) -> Platform? {
        platforms.first { $0.marks.contains { node.has($0) } }
    }
}

extension VirtualNodes.Sighting {
    fileprivate func has(_ mark: VirtualNodes.Mark) -> Bool {
        switch mark {
        case .label(let key, let value): Self.matches(labels[key], value)
        case .annotation(let key, let value): Self.matches(annotations[key], value)
        case .taint(let key): taintKeys.contains(key)
        case .providerIDPrefix(let prefix): providerID.hasPrefix(prefix)
        case .providerIDPart(let part): providerID.contains(part)
        case .kubeletVersionPart(let part): kubeletVersion.contains(part)
        }
    }

    private static func matches(_ found: String?, _ wanted: String?) -> Bool {
        guard let found else { return false }
        return wanted == nil || found == wanted
    }
}
