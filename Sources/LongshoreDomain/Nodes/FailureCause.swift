/// Why an image could not be pulled onto a node, or why a task or a node failed. The raw values are the contract's words.
package enum FailureCause: String, Sendable, Hashable, CaseIterable {
    /// The registry refused the credential, or asks for one.
    case unauthorized = "Unauthorized"
    /// The registry has no such repository, tag or digest.
    case notFound = "NotFound"
    /// The registry, or the kubelet by its own limit, asked for fewer requests.
    case rateLimited = "RateLimited"
    /// The registry's certificate or protocol was not acceptable.
    case tls = "TLS"
    /// The registry could not be reached, or broke off.
    case network = "Network"
    /// The node has no room.
    case disk = "Disk"
    /// The image has nothing for the node: not for its operating system and architecture, or in no format that its
    /// runtime reads.
    case architecture = "Architecture"
    /// Not done within the time allowed.
    case timeout = "Timeout"
    /// The Pod was removed from the node before it was done.
    case evicted = "Evicted"
    /// The node stopped answering.
    case nodeLost = "NodeLost"
    /// The runtime could not read the reference.
    case invalidReference = "InvalidReference"
    /// Admission, quota, the runtime's signature policy or a policy of the registry (a scan, a bill, a court) refused.
    case policyDenied = "PolicyDenied"
    /// The helper image, on which puller Pods run, could not be pulled or run: the operator's matter, no image's.
    case helper = "Helper"
    /// The fault lies with the cluster or with the service itself.
    case `internal` = "Internal"
    /// None of the above.
    case unknown = "Unknown"

    /// Whether another attempt could end better with nobody having changed anything.
    package var isWorthRetrying: Bool {
        switch self {
        case .rateLimited, .network, .disk, .timeout, .evicted, .nodeLost, .helper, .internal, .unknown: true
        case .unauthorized, .notFound, .tls, .architecture, .invalidReference, .policyDenied: false
        }
    }

    /// Whether the first `ErrImagePull` with this cause decides the image. For the others the kubelet's own back-off
    /// gets a second try within the same attempt.
    package var isFinalAtOnce: Bool {
        switch self {
        case .unauthorized, .notFound, .invalidReference, .architecture, .policyDenied: true
        case .rateLimited, .tls, .network, .disk, .timeout, .evicted, .nodeLost, .helper, .internal, .unknown: false
        }
    }
}
