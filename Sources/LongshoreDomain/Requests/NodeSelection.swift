/// Which nodes a task is for.
package struct NodeSelection: Sendable, Hashable {
    /// Nodes by name, each once, in the request's order. Empty means: by labels alone.
    package var names: [String]
    /// Labels that a node must have; with names, both have to hold.
    package var selector: LabelSelector
    /// Whether cordoned nodes are worked on. Default: no.
    package var includeCordoned: Bool
    /// Taints that do not keep a node from being worked on. Default: none.
    package var tolerations: [Toleration]

    /// Makes a selection.
    ///
    /// - Parameters:
    ///   - names: Nodes by name.
    ///   - selector: Labels that a node must have.
    ///   - includeCordoned: Whether cordoned nodes are worked on.
    ///   - tolerations: Taints that are accepted.
    package init(
        names: [String] = [],
        selector: LabelSelector = LabelSelector(),
        includeCordoned: Bool = false,
        tolerations: [Toleration] = []
    ) {
        self.names = names
        self.selector = selector
        self.includeCordoned = includeCordoned
        self.tolerations = tolerations
    }

    /// The tolerations that a puller Pod needs: the chosen ones and, with ``includeCordoned``, the one for cordoned nodes.
    package var podTolerations: [Toleration] {
        includeCordoned ? tolerations + [Toleration(key: Taint.unschedulableKey, effect: .noSchedule)] : tolerations
    }
}
