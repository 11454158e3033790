/// The three classes that task topics are divided into.
package enum PriorityClass: String, Sendable, Hashable, CaseIterable {
    /// Priorities 8 to 10.
    case high
    /// Priorities 4 to 7.
    case normal
    /// Priorities 1 to 3.
    case low

    /// The class of a priority from 1 to 10; numbers beyond that range fall into the nearest class.
    package init(priority: Int) {
        switch priority {
        case 8...: self = .high
        case 4...7: self = .normal
        default: self = .low
        }
    }
}
