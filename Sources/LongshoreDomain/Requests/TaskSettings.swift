/// How many nodes may fail before the task does.
package enum FailureTolerance: Sendable, Hashable {
    /// A share of the task's nodes, from 0 up to, not including, 1.
    case ratio(Double)
    /// A number of nodes, from 1.
    case count(Int)

    /// Whether so many failures are tolerated.
    ///
    /// - Parameters:
    ///   - failed: Nodes that have failed.
    ///   - total: The nodes of the task, those that were skipped not counted.
    /// - Returns: False when the task has failed by that.
    package func allows(failed: Int, of total: Int) -> Bool {
        switch self {
        // The small addition keeps 0.1 of 10 from being less than 1 by rounding.
        case .ratio(let ratio): Double(failed) <= ratio * Double(total) + 1e-9
        case .count(let count): failed <= count
        }
    }
}

/// How images get onto a node (feature P2).
package enum PullStrategy: String, Sendable, Hashable, CaseIterable {
    /// What the node's kubelet and runtime can do best.
    case auto
    /// Image volumes: the image itself is never run.
    case imageVolume
    /// The image as a container that runs an injected static binary.
    case kubelet
}

/// What is checked before anything is pulled.
package enum TaskCheck: String, Sendable, Hashable, CaseIterable {
    /// That each image exists and its credential works, once, against the registry.
    case registry
    /// That a node has room for what will be pulled.
    case disk
}
