/// Orders names as people count: `node-8` stands before `node-79`.
enum NaturalOrder {
    /// Tells whether one name stands before another.
    ///
    /// Runs of digits are compared by their value, everything else by its bytes. Names that differ only in leading zeros are
    /// ordered by their length, so that the order is total.
    ///
    /// - Parameters:
    ///   - left: The first name.
    ///   - right: The second name.
    /// - Returns: Whether `left` stands before `right`; false for equal names.
    static func precedes(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var (i, j) = (0, 0)
        while i < left.count, j < right.count {
            if isDigit(left[i]), isDigit(right[j]) {
                let (first, second) = (run(left, from: &i), run(right, from: &j))
                if first.count != second.count { return first.count < second.count }
                if first != second { return first.lexicographicallyPrecedes(second) }
            } else {
                if left[i] != right[j] { return left[i] < right[j] }
                i += 1
                j += 1
            }
        }
        if left.count - i != right.count - j { return left.count - i < right.count - j }
        return left.count < right.count
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// The digits from an index on, without leading zeros; the index moves behind them.
    private static func run(_ bytes: [UInt8], from index: inout Int) -> ArraySlice<UInt8> {
        let start = index
        while index < bytes.count, isDigit(bytes[index]) { index += 1 }
        return bytes[start..<index].drop { $0 == UInt8(ascii: "0") }
    }
}
