/// What an executor can fail with.
package struct ExecutorError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why, as a constant word.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// An object of one of our names belongs to somebody else.
        case foreignObject
        /// The sealing keys cannot be read.
        case unreadableKeys
        /// The executor's Lease has run out.
        case leaseLost
        /// A dependency does not answer yet.
        case notReady
    }

    /// Why, as a constant word.
    package let code: Code
    /// One sentence.
    package let message: String

    /// Makes an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether it may pass.
    package var isRetryable: Bool {
        switch code {
        case .leaseLost, .notReady: true
        case .foreignObject, .unreadableKeys: false
        }
    }

    /// Code and message.
    package var description: String { "\(code.rawValue): \(message)" }
}
