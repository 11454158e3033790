import LongshoreDomain

/// Which nodes can be given images as volumes.
package enum ImageVolumeSupport {
    /// Tells whether the strategy `auto` gives a node image volumes.
    ///
    /// - Parameters:
    ///   - kubeletVersion: The node's kubelet, `v1.36.0`.
    ///   - runtimeVersion: The node's runtime, `containerd://2.2.0`.
    ///   - firstMinor: The first minor version of Kubernetes 1.x whose image volumes are trusted.
    /// - Returns: Whether kubelet and runtime both have them; what is unknown counts as old.
    package static func isThere(kubeletVersion: String, runtimeVersion: String, firstMinor: Int) -> Bool {
        PullMethod.choose(
            .auto,
            kubeletVersion: kubeletVersion,
            runtimeVersion: runtimeVersion,
            firstMinor: firstMinor
        ) == .imageVolume
    }
}
