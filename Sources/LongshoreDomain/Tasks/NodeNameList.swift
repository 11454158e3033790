/// Many node names in little space: each name says how much of the one before it repeats, and what follows.
///
/// Node names are lower case, so upper-case letters can carry the lengths: `A` to `M` are 0 to 12, a letter from `N` to `Z` is the
/// high digit of a longer one. What all names end with is kept once. A hundred thousand names of the usual kinds take some 500 KB.
package struct NodeNameList: Sendable, Hashable {
    /// What every name ends with.
    package var suffix: String
    /// The names without it.
    package var text: String

    /// Keeps names as they were encoded before.
    package init(suffix: String, text: String) {
        self.suffix = suffix
        self.text = text
    }

    /// Encodes sorted names.
    ///
    /// - Parameters:
    ///   - names: The names; those of neighbours should share a beginning.
    ///   - limit: The most bytes that the encoding may take; `nil` is returned beyond it, as it is for names with
    ///     characters that a Kubernetes name cannot hold.
    package init?(_ names: [String], limit: Int = 640 << 10) {
        let suffix = Self.commonSuffix(names)
        var text: [UInt8] = []
        var former: [UInt8] = []
        for name in names {
            let bytes = Array(name.utf8.dropLast(suffix.count))
            guard name.utf8.allSatisfy(Self.isNameByte) else { return nil }
            let shared = zip(former, bytes).prefix { $0 == $1 }.count
            guard bytes.count <= Self.longestName else { return nil }
            if shared > 12 { text.append(UInt8(ascii: "N") + UInt8((shared - 13) / 26)) }
            text.append(UInt8(ascii: "A") + UInt8(shared > 12 ? (shared - 13) % 26 : shared))
            text += bytes[shared...]
            if text.count > limit { return nil }
            former = bytes
        }
        self.suffix = String(decoding: suffix, as: UTF8.self)
        self.text = String(decoding: text, as: UTF8.self)
    }

    /// Decodes the names; `nil` when the text was not made by this type.
    package var names: [String]? {
        var result: [String] = []
        var current: [UInt8] = []
        let suffix = Array(suffix.utf8)
        let bytes = Array(text.utf8)
        var position = 0
        while position < bytes.count {
            guard let shared = Self.readLength(bytes, &position), shared <= current.count else { return nil }
            current.removeLast(current.count - shared)
            while position < bytes.count, Self.isNameByte(bytes[position]) {
                current.append(bytes[position])
                position += 1
            }
            guard current.count <= Self.longestName else { return nil }
            result.append(String(decoding: current + suffix, as: UTF8.self))
        }
        return result
    }

    private static func readLength(_ bytes: [UInt8], _ position: inout Int) -> Int? {
        let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")
        guard letters.contains(bytes[position]) else { return nil }
        let first = Int(bytes[position] - letters.lowerBound)
        position += 1
        guard first > 12 else { return first }
        guard position < bytes.count, letters.contains(bytes[position]) else { return nil }
        let second = Int(bytes[position] - letters.lowerBound)
        position += 1
        return 13 + (first - 13) * 26 + second
    }

    private static let longestName = 253

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }

    private static func commonSuffix(_ names: [String]) -> [UInt8] {
        guard let first = names.first else { return [] }
        var suffix = Array(first.utf8)
        for name in names.dropFirst() {
            let shared = zip(suffix.reversed(), name.utf8.reversed()).prefix { $0 == $1 }.count
            suffix.removeFirst(suffix.count - shared)
            if suffix.isEmpty { break }
        }
        return suffix
    }
}
