import LongshoreDomain
import Testing

/// Nodes as their platforms make them. A node that shows only one of its marks, because somebody has removed the others, is
/// recognised all the same.
@Suite struct VirtualNodesTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var name: String
        var node: VirtualNodes.Sighting
        var platform: String?
        var testDescription: String { name }

        init(_ name: String, _ platform: String?, _ change: (inout VirtualNodes.Sighting) -> Void) {
            self.name = name
            self.platform = platform
            node = VirtualNodes.Sighting(
                labels: ["kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name],
                kubeletVersion: "v1.34.1"
            )
            change(&node)
        }
    }

    static let examples: [Example] = [
        // docs.aws.amazon.com, eks fargate: `kubectl get node fargate-ip-… -o yaml`.
        Example("fargate by label", "EKS Fargate") { $0.labels["eks.amazonaws.com/compute-type"] = "fargate" },
        Example("fargate by taint", "EKS Fargate") { $0.taintKeys = ["eks.amazonaws.com/compute-type"] },
        Example("fargate by provider id", "EKS Fargate") {
            $0.providerID = "aws:///eu-west-1a/3a2b1c-99/fargate-ip-10-0-1-15.eu-west-1.compute.internal"
        },
        Example("eks auto mode is machines", nil) { $0.labels["eks.amazonaws.com/compute-type"] = "auto" },
        Example("eks hybrid is machines", nil) { $0.labels["eks.amazonaws.com/compute-type"] = "hybrid" },
        Example("ec2", nil) { $0.providerID = "aws:///eu-west-1a/i-0123456789abcdef0" },
        // tencentcloud.com, document/product/457/40027.
        Example("tencent by label", "Tencent super node") { $0.labels["node.kubernetes.io/instance-type"] = "eklet" },
        Example("tencent by taint", "Tencent super node") { $0.taintKeys = ["eks.tke.cloud.tencent.com/eklet"] },
        Example("tencent by version", "Tencent super node") { $0.kubeletVersion = "v1.30.0-eklet.2.11" },
        Example("tencent machine", nil) { $0.labels["node.kubernetes.io/instance-type"] = "S5.MEDIUM4" },
        // github.com/liqotech/liqo, pkg/consts.
        Example("liqo by label", "Liqo") { $0.labels["liqo.io/type"] = "virtual-node" },
        Example("liqo by taint", "Liqo") { $0.taintKeys = ["virtual-node.liqo.io/not-allowed"] },
        Example("liqo by provider id", "Liqo") { $0.providerID = "liqo://provider-1/group" },
        Example("a machine in a liqo cluster", nil) { $0.labels["liqo.io/type"] = "local" },
        // kwok.sigs.k8s.io, docs/user/kwok-manage-nodes-and-pods.
        Example("kwok by annotation", "KWOK") { $0.annotations["kwok.x-k8s.io/node"] = "fake" },
        Example("kwok by label", "KWOK") { $0.labels["type"] = "kwok" },
        Example("kwok by karpenter's label", "KWOK") { $0.labels["kwok.x-k8s.io/node"] = "fake" },
        Example("kwok by taint", "KWOK") { $0.taintKeys = ["kwok.x-k8s.io/node"] },
        Example("kwok by provider id", "KWOK") { $0.providerID = "kwok://node-1" },
        Example("kwok of cluster api", "KWOK") { $0.providerID = "kwok:////node-1" },
        Example("kwok by version", "KWOK") { $0.kubeletVersion = "kwok-v0.7.0" },
        // learn.microsoft.com, aks virtual-nodes-cli.
        Example("aci by taint", "Azure Container Instances") { $0.taintKeys = ["azure.com/aci"] },
        Example("aci by label", "virtual-kubelet") { $0.labels["type"] = "virtual-kubelet" },
        Example("aks", nil) {
            $0.providerID = "azure:///subscriptions/1/providers/Microsoft.Compute/virtualMachineScaleSets/p"
        },
        // docs.oracle.com, ContEng virtual nodes.
        Example("oke virtual node", "virtual node") { $0.labels["node.kubernetes.io/instance-type"] = "virtual-node" },
        // github.com/interTwin-eu/interLink.
        Example("interlink", "InterLink") { $0.taintKeys = ["virtual-node.interlink/no-schedule"] },
        Example("interlink by label", "InterLink") { $0.labels["virtual-node.interlink/type"] = "virtual-kubelet" },
        // github.com/virtual-kubelet/virtual-kubelet, cmd: the taint's key is fixed, its value is the provider.
        Example("alibaba eci, huawei cci, admiralty", "virtual-kubelet") {
            $0.taintKeys = ["virtual-kubelet.io/provider"]
        },
        Example("virtual-kubelet by role", "virtual-kubelet") { $0.labels["kubernetes.io/role"] = "virtual-kubelet" },
        Example("virtual-kubelet by version", "virtual-kubelet") { $0.kubeletVersion = "v1.30.2-vk-azure-aci-v1.6.1" },
        // cloud.google.com: Autopilot's nodes are machines that Google looks after.
        Example("gke autopilot", nil) {
            $0.labels["cloud.google.com/gke-autopilot"] = "true"
            $0.providerID = "gce://project/europe-west1-b/gk3-auto-pool-1"
            $0.kubeletVersion = "v1.34.1-gke.1200"
        },
        Example("k3s", nil) {
            $0.labels["node.kubernetes.io/instance-type"] = "k3s"
            $0.providerID = "k3s://node-1"
        },
        Example("kind", nil) { $0.providerID = "kind://docker/kind/kind-worker" },
        Example("a machine with a label of its own", nil) { $0.labels["type"] = "gpu" },
    ]

    @Test(arguments: examples) func `a node belongs to the platform whose marks it has`(_ example: Example) {
        #expect(VirtualNodes.platform(of: example.node)?.name == example.platform)
    }

    @Test func `every platform names its source, and has an example`() {
        for platform in VirtualNodes.platforms {
            #expect(!platform.source.isEmpty && !platform.marks.isEmpty)
            #expect(Self.examples.contains { $0.platform == platform.name }, "\(platform.name)")
        }
    }
}
