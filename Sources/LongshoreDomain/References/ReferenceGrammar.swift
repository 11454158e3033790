/// The terminal rules of the distribution project's reference grammar, as functions over ASCII bytes.
///
/// Each is a single pass without backtracking, so that no input takes more than linear time.
enum ReferenceGrammar {
    /// `domain-name | IPv4address | [IPv6address]`, without a port.
    static func isHost(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first, text.count <= 255 else { return false }
        if first == UInt8(ascii: "[") {
            let inner = text.dropFirst().dropLast()
            return text.last == UInt8(ascii: "]") && isIPv6(Array(inner))
        }
        return everyPart(of: text, between: UInt8(ascii: "."), meets: isDomainComponent)
    }

    /// A port number that a connection can be made to.
    static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard !text.isEmpty, text.count <= 5, text.allSatisfy(isDigit) else { return false }
        let value = text.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return (1...65_535).contains(value)
    }

    /// `path-component ["/" path-component]*`.
    static func isPath(_ text: ArraySlice<UInt8>) -> Bool {
        everyPart(of: text, between: UInt8(ascii: "/"), meets: isPathComponent)
    }

    /// Whether all parts, empty ones included, meet a condition; what `split` gives, without an array for each reference.
    private static func everyPart(
        of text: ArraySlice<UInt8>,
        between separator: UInt8,
        meets condition: (ArraySlice<UInt8>) -> Bool
    ) -> Bool {
        var rest = text
        while let end = rest.firstIndex(of: separator) {
            guard condition(rest[..<end]) else { return false }
            rest = rest[(end + 1)...]
        }
        return condition(rest)
    }

    /// `[\w][\w.-]{0,127}`.
    static func isTag(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first, isWord(first), text.count <= 128 else { return false }
        return text.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// `alpha-numeric [separator alpha-numeric]*` with the separators `.`, `_`, `__` and any number of `-`.
    static func isPathComponent(_ text: ArraySlice<UInt8>) -> Bool {
        var separator: (byte: UInt8, count: Int)?
        var sawAlphanumeric = false
        for byte in text {
            if isLowercase(byte) || isDigit(byte) {
                if let pending = separator, !isSeparator(pending.byte, count: pending.count) { return false }
                separator = nil
                sawAlphanumeric = true
            } else if let pending = separator {
                guard pending.byte == byte else { return false }
                separator = (byte, pending.count + 1)
            } else {
                guard sawAlphanumeric else { return false }
                separator = (byte, 1)
            }
        }
        return sawAlphanumeric && separator == nil
    }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    static func isLowercase(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    static func isUppercase(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLowercase(byte) || isUppercase(byte) }
    static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
    static func isLowercaseHex(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
    static func isHex(_ byte: UInt8) -> Bool {
        isLowercaseHex(byte) || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
    }

    private static func isSeparator(_ byte: UInt8, count: Int) -> Bool {
        switch byte {
        case UInt8(ascii: "."): count == 1
        case UInt8(ascii: "_"): count <= 2
        case UInt8(ascii: "-"): true
        default: false
        }
    }

    private static func isDomainComponent(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first, let last = text.last, isAlphanumeric(first), isAlphanumeric(last) else {
            return false
        }
        return text.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    /// An IPv6 address in its text form (RFC 4291 §2.2) without a zone: up to eight groups, at most one `::`.
    private static func isIPv6(_ text: [UInt8]) -> Bool {
        guard text.count <= 39, text.allSatisfy({ isHex($0) || $0 == UInt8(ascii: ":") }) else { return false }
        let groups = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard groups.allSatisfy({ $0.count <= 4 }) else { return false }
        let empties = groups.indices.filter { groups[$0].isEmpty }
        if empties.isEmpty { return groups.count == 8 }
        // "::" leaves one empty group inside, two at an end, three when it is all there is.
        let isAtStart = groups.count > 2 && groups[0].isEmpty && groups[1].isEmpty
        let isAtEnd = groups.count > 2 && groups[groups.count - 1].isEmpty && groups[groups.count - 2].isEmpty
        let allowed = 1 + (isAtStart ? 1 : 0) + (isAtEnd ? 1 : 0)
        let isTrailingAlone =
            (groups.first?.isEmpty == true && !isAtStart) || (groups.last?.isEmpty == true && !isAtEnd)
        return empties.count == allowed && !isTrailingAlone && groups.count - empties.count <= 7
    }
}
