extension ClusterSimulator {
    /// How the cluster is made. Every value has a default that suits a test.
    package struct Configuration: Sendable {
        /// The API server's port on 127.0.0.1; 0 takes a free one.
        package var port = 0
        /// The administrator's token; a random one when nil.
        package var token: String?
        /// The nodes at the start; those a data directory remembers stay.
        package var nodes: [NodeTemplate] = NodeTemplate.numbered(1)
        /// Where objects are kept over restarts; nothing is kept when nil.
        package var dataDirectory: String?
        /// The image that is on every node from the start.
        package var helperImage = "docker.io/library/busybox:1.37.0-musl"
        /// Registries (`host[:port]`) spoken to without TLS, beside those on loopback.
        package var plainHTTPHosts: [String] = []
        /// Manifests that are created at the start: CustomResourceDefinitions, namespaces, RBAC; YAML of one or more documents.
        package var crdYAML: [String] = []
        /// How images get onto nodes; from registries unless told.
        package var pulls = PullMode.registry
        /// The times of kubelets and controllers; those of a real cluster unless told.
        package var timings = Timings()
        /// Whether Pods and Jobs get Events; benchmarks may do without.
        package var recordsEvents = true
        /// How many changes of each resource can be replayed to a watch.
        package var historyLimit = 8_192
        /// How many API calls are kept in full; counts are kept of all.
        package var auditLimit = 100_000

        /// The defaults.
        package init() {}
    }

    /// How images get onto nodes.
    package enum PullMode: Sendable {
        /// From real registries, with digests verified; layers are not kept.
        case registry
        /// As `registry`, with layers, manifests and configurations kept below the data directory.
        case registryStoringLayers
        /// At once, without any registry: for benchmarks of many nodes.
        case instant
    }

    /// The times of the control plane and of kubelets, as real clusters have them unless told otherwise.
    package struct Timings: Sendable {
        /// The kubelet's back-off after a failed pull, 10 s, doubling.
        package var pullBackOffInitial: Duration = .seconds(10)
        /// The longest back-off, 300 s.
        package var pullBackOffMaximum: Duration = .seconds(300)
        /// From a failed pull to the state `ImagePullBackOff`, 1 s.
        package var backOffReport: Duration = .seconds(1)
        /// From a kubelet's silence to the node's being not ready, 2 s (40 s on a real cluster).
        package var nodeMonitorGracePeriod: Duration = .seconds(2)
        /// Multiplies the seconds that Pods tolerate a lost node, 1.
        package var tolerationScale = 1.0
        /// How often a node reports changed images, 1 s (10 s on a real node).
        package var nodeStatusInterval: Duration = .seconds(1)
        /// How often node leases are renewed; never when nil, as with many nodes.
        package var nodeLeaseInterval: Duration? = .seconds(10)
        /// How often a watch that asked for bookmarks gets one, 10 s (60 s on a real API server).
        package var bookmarkInterval: Duration = .seconds(10)
        /// How long the simulated runtime takes to start and end a container, none.
        package var containerStart: Duration = .zero
        /// Multiplies what containers `sleep`, 1.
        package var sleepScale = 1.0

        /// The defaults.
        package init() {}

        /// Back-offs and grace periods of tens of milliseconds, for tests.
        package static let fast: Timings = {
            var timings = Timings()
            timings.pullBackOffInitial = .milliseconds(200)
            timings.pullBackOffMaximum = .seconds(2)
            timings.backOffReport = .milliseconds(50)
            timings.nodeMonitorGracePeriod = .milliseconds(100)
            timings.tolerationScale = 0.001
            timings.nodeStatusInterval = .milliseconds(50)
            timings.bookmarkInterval = .seconds(1)
            return timings
        }()
    }
}
