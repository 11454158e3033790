/// Finds what a misspelt name was probably meant to be.
package enum Spelling {
    /// The nearest of some names.
    ///
    /// - Parameters:
    ///   - text: What was written; more than 40 bytes are never looked at.
    ///   - names: What it may have been meant to be.
    /// - Returns: A name that one or two typing errors, or a difference in letter case, lead to; nothing when none is near.
    package static func nearest(to text: String, in names: [String]) -> String? {
        guard text.utf8.count <= 40 else { return nil }
        let lowercased = Array(text.lowercased().utf8)
        let ranked = names.map { (name: $0, distance: distance(lowercased, Array($0.lowercased().utf8))) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= (lowercased.count < 5 ? 1 : 2) ? best.name : nil
    }

    /// The Levenshtein distance.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let substitution = diagonal + (byte == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(substitution, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[right.count]
    }
}
