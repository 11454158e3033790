/// The header `traceparent` of W3C Trace Context.
package enum TraceParent {
    /// Whether a text has the form of the header's version 00, which is 55 characters long: what has not is anybody's text of any
    /// length, and goes no further.
    ///
    /// - Parameter text: The header's value.
    /// - Returns: True for two, 32, 16 and two hexadecimal digits in lower case with `-` between them.
    package static func isValid(_ text: String) -> Bool {
        let lengths = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).map(\.count)
        return lengths == [2, 32, 16, 2]
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || $0 == 0x2D }
    }
}
