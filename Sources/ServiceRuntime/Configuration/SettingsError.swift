/// Why a service's configuration cannot be used: every fault of it, at once.
package struct SettingsError: Error, Sendable, CustomStringConvertible {
    /// One sentence for each fault: the key, the value (never a secret) and what to do.
    package let faults: [String]

    /// Creates the error.
    ///
    /// - Parameter faults: One sentence for each fault; at least one.
    package init(_ faults: [String]) {
        self.faults = faults
    }

    /// The faults, one a line.
    package var description: String {
        faults.joined(separator: "\n")
    }
}
