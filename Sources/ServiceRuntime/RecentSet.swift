/// A set that remembers at least the latest so many elements, and at most twice as many.
package struct RecentSet<Element: Hashable & Sendable>: Sendable {
    private var current: Set<Element> = []
    private var former: Set<Element> = []
    private let limit: Int

    /// Makes an empty set.
    ///
    /// - Parameter limit: How many of the latest elements are certain to be remembered, at least 1.
    package init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Remembers an element.
    ///
    /// - Parameter element: The element.
    package mutating func insert(_ element: Element) {
        current.insert(element)
        guard current.count >= limit else { return }
        former = current
        current = []
    }

    /// Whether an element is remembered.
    ///
    /// - Parameter element: The element.
    /// - Returns: False also for one that was forgotten.
    package func contains(_ element: Element) -> Bool { current.contains(element) || former.contains(element) }
}
