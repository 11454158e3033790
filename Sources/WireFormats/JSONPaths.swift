/// Places within a JSON text, each named by the members that lead to it. Arrays on the way do not count: a path goes on in each
/// of their elements.
package struct JSONPaths: Sendable, Hashable {
    private var branches: [Branch] = []

    private struct Branch: Sendable, Hashable {
        let key: String
        var paths: JSONPaths
    }

    /// Makes a set of paths; of two of which one leads on from the other's end, the shorter one counts.
    ///
    /// - Parameter paths: Each with at least one member.
    package init(_ paths: [[String]] = []) {
        for path in paths { add(path[...]) }
    }

    /// Whether there is no path, or a path ends here.
    var isEmpty: Bool { branches.isEmpty }

    /// What is left of the paths that begin with a member; empty where one ends with it, nil where none has it.
    func below(_ key: String) -> JSONPaths? { branches.first { $0.key == key }?.paths }

    /// The same places seen from further up.
    ///
    /// - Parameter key: The member that holds what the paths are seen from now.
    /// - Returns: The longer paths.
    package func within(_ key: String) -> JSONPaths {
        var outer = JSONPaths()
        if !isEmpty { outer.branches = [Branch(key: key, paths: self)] }
        return outer
    }

    private mutating func add(_ path: ArraySlice<String>) {
        guard let key = path.first else { return }
        let rest = path.dropFirst()
        guard let index = branches.firstIndex(where: { $0.key == key }) else {
            var paths = JSONPaths()
            paths.add(rest)
            branches.append(Branch(key: key, paths: paths))
            return
        }
        // A path that ends here already leaves nothing for one that leads on.
        guard !branches[index].paths.isEmpty else { return }
        if rest.isEmpty { branches[index].paths = JSONPaths() } else { branches[index].paths.add(rest) }
    }
}
