/// A set that remembers at least the latest so many elements, and at most twice as many.
struct RecentSet<Element: Hashable & Sendable>: Sendable {
    private var current: Set<Element> = []
    private var former: Set<Element> = []
    private let limit: Int

    /// Makes an empty set.
    ///
    /// - Parameter limit: How many of the latest elements are certain to be remembered, at least 1.
    init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Remembers an element.
    mutating func insert(_ element: Element) {
        current.insert(element)
        guard current.count >= limit else { return }
        former = current
        current = []
    }

    /// Whether an element is remembered.
    func contains(_ element: Element) -> Bool { current.contains(element) || former.contains(element) }
}
