import LongshoreDomain

/// How a Pod gets images onto its node.
enum PullMethod: String, Sendable, Hashable {
    /// Each image is an image volume of a container of the helper image.
    case imageVolume
    /// Each image is the image of a container that runs an injected static binary.
    case kubelet

    /// The method for a node.
    ///
    /// - Parameters:
    ///   - strategy: What the task wishes.
    ///   - kubeletVersion: The node's kubelet, `v1.36.0`.
    ///   - runtimeVersion: The node's runtime, `containerd://2.2.0`.
    ///   - firstMinor: The first minor version of Kubernetes 1.x whose image volumes are trusted.
    /// - Returns: With `auto`, image volumes where kubelet and runtime both have them; what is unknown counts as old.
    static func choose(
        _ strategy: PullStrategy,
        kubeletVersion: String,
        runtimeVersion: String,
        firstMinor: Int
    ) -> PullMethod {
        switch strategy {
        case .imageVolume: return .imageVolume
        case .kubelet: return .kubelet
        case .auto: break
        }
        guard let kubelet = version(kubeletVersion), kubelet >= (1, firstMinor) else { return .kubelet }
        let parts = runtimeVersion.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let runtime = version(String(parts[1].drop { $0 == "/" })) else { return .kubelet }
        let needed: (Int, Int)
        switch parts[0] {
        case "containerd": needed = (2, 1)
        case "cri-o": needed = (1, 31)
        default: return .kubelet
        }
        return runtime >= needed ? .imageVolume : .kubelet
    }

    /// Major and minor number of `v1.36.0-eks-1`, `2.1.0+k3s1` …
    private static func version(_ text: String) -> (Int, Int)? {
        let numbers = text.drop { $0 == "v" }.split(separator: ".", maxSplits: 2)
        guard numbers.count >= 2, let major = Int(numbers[0]) else { return nil }
        guard let minor = Int(numbers[1].prefix { $0.isASCII && $0.isNumber }) else { return nil }
        return (major, minor)
    }
}
