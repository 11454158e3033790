extension JSONValue {
    /// What a JSON text may be at most.
    package struct ParsingLimits: Sendable {
        /// The deepest nesting of arrays and objects, 1 to 512. Default 64.
        package var maximumDepth = 64
        /// The longest text in bytes. Default 64 MiB.
        package var maximumBytes = 64 << 20
        /// Whether `\u0000` is accepted in strings. Default true; false for what is to be stored in Postgres, which cannot.
        package var allowsNUL = true

        /// Limits.
        package init(maximumDepth: Int = 64, maximumBytes: Int = 64 << 20, allowsNUL: Bool = true) {
            self.maximumDepth = maximumDepth
            self.maximumBytes = maximumBytes
            self.allowsNUL = allowsNUL
        }
    }

    /// Parses one JSON text strictly by RFC 8259.
    ///
    /// Beyond the RFC's grammar these are errors: the same key twice in an object, half of a surrogate pair, a number too
    /// large for a `Double`, a byte order mark, and anything but white space after the value.
    /// - Parameters:
    ///   - bytes: the text, UTF-8.
    ///   - limits: what the text may be at most.
    ///   - omitted: members that are passed over. Only where they end is looked for: what is wrong within them is not seen.
    /// - Throws: `JSONParsingError` with the place of the first fault.
    package init(
        parsing bytes: [UInt8],
        limits: ParsingLimits = .init(),
        omitting omitted: JSONPaths = JSONPaths()
    ) throws(JSONParsingError) {
        var parser = JSONParser(bytes: bytes, limits: limits)
        self = try parser.parse(omitting: omitted.isEmpty ? nil : omitted)
    }

    /// Parses one JSON text strictly by RFC 8259; see `init(parsing:limits:)` with bytes.
    package init(parsing text: String, limits: ParsingLimits = .init()) throws(JSONParsingError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// A recursive descent over the bytes of a text; recursion is bounded by the depth limit.
struct JSONParser {
    private let bytes: [UInt8]
    private let end: Int
    private let limits: JSONValue.ParsingLimits
    private var offset = 0
    private var depth = 0

    init(bytes: [UInt8], limits: JSONValue.ParsingLimits) {
        self.bytes = bytes
        self.end = bytes.count
        self.limits = limits
    }

    mutating func parse(omitting omitted: JSONPaths? = nil) throws(JSONParsingError) -> JSONValue {
        guard end <= limits.maximumBytes else { throw error(.tooLong, at: 0) }
        skipWhitespace()
        let value = try parseValue(omitted)
        skipWhitespace()
        guard offset == end else { throw error(.trailingCharacters, at: offset) }
        return value
    }

    private mutating func parseValue(_ omitted: JSONPaths?) throws(JSONParsingError) -> JSONValue {
        guard offset < end else { throw error(.unexpectedEnd, at: offset) }
        switch bytes[offset] {
        case UInt8(ascii: "\""):
            return .string(try parseString())
        case UInt8(ascii: "{"):
            return try parseObject(omitted)
        case UInt8(ascii: "["):
            return try parseArray(omitted)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return try parseNumber()
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        default:
            throw error(.unexpectedCharacter, at: offset)
        }
    }

    private mutating func parseObject(_ omitted: JSONPaths?) throws(JSONParsingError) -> JSONValue {
        try enter()
        var object = JSONObject()
        if next(is: UInt8(ascii: "}")) {
            depth -= 1
            return .object(object)
        }
        while true {
            skipWhitespace()
            let keyOffset = offset
            guard offset < end else { throw error(.unexpectedEnd, at: offset) }
            guard bytes[offset] == UInt8(ascii: "\"") else { throw error(.unexpectedCharacter, at: offset) }
            let key = try parseString()
            guard next(is: UInt8(ascii: ":")) else { throw unexpected() }
            skipWhitespace()
            let below = omitted?.below(key)
            if let below, below.isEmpty {
                try skipValue()
            } else {
                let value = try parseValue(below)
                guard object.appendIfAbsent(key, value) else { throw error(.duplicateKey, at: keyOffset) }
            }
            if next(is: UInt8(ascii: ",")) { continue }
            guard next(is: UInt8(ascii: "}")) else { throw unexpected() }
            depth -= 1
            return .object(object)
        }
    }

    private mutating func parseArray(_ omitted: JSONPaths?) throws(JSONParsingError) -> JSONValue {
        try enter()
        var array: [JSONValue] = []
        if next(is: UInt8(ascii: "]")) {
            depth -= 1
            return .array(array)
        }
        while true {
            skipWhitespace()
            array.append(try parseValue(omitted))
            if next(is: UInt8(ascii: ",")) { continue }
            guard next(is: UInt8(ascii: "]")) else { throw unexpected() }
            depth -= 1
            return .array(array)
        }
    }

    // MARK: - Passing over

    /// Passes over a value: follows its strings and brackets, and looks at nothing else within them.
    private mutating func skipValue() throws(JSONParsingError) {
        guard offset < end, bytes[offset] == UInt8(ascii: "{") || bytes[offset] == UInt8(ascii: "[") else {
            // Anything else is short, or has to be looked at anyway.
            _ = try parseValue(nil)
            return
        }
        var open = 0
        repeat {
            guard offset < end else { throw error(.unexpectedEnd, at: end) }
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                try skipString()
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): open += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): open -= 1
            default: break
            }
            offset += 1
        } while open > 0
    }

    private mutating func skipString() throws(JSONParsingError) {
        let bytes = bytes
        var index = offset + 1
        while index < bytes.count {
            if index + 16 <= bytes.count, JSONBytes(bytes.span.extracting(index..<index + 16)).areText {
                index += 16
            } else if bytes[index] == UInt8(ascii: "\"") {
                offset = index + 1
                return
            } else {
                index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
            }
        }
        throw error(.unexpectedEnd, at: end)
    }

    // MARK: - Strings

    private mutating func parseString() throws(JSONParsingError) -> String {
        // A local one is not looked up again for each byte.
        let bytes = bytes
        let start = offset + 1
        var index = start
        while index + 16 <= bytes.count, JSONBytes(bytes.span.extracting(index..<index + 16)).areASCIIText {
            index += 16
        }
        var seen: UInt8 = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                offset = index + 1
                // Decoding cannot fail for ASCII, and is several times faster than validating.
                if seen < 0x80 { return String(decoding: bytes[start..<index], as: UTF8.self) }
                return try text(start..<index)
            }
            if byte == UInt8(ascii: "\\") {
                offset = index
                return try parseEscapedString(from: start)
            }
            if byte < 0x20 { throw error(.controlCharacter, at: index) }
            seen |= byte
            index += 1
        }
        throw error(.unexpectedEnd, at: end)
    }

    /// The rest of a string in which an escape was found at `offset`; what lies between `start` and there is clean.
    private mutating func parseEscapedString(from start: Int) throws(JSONParsingError) -> String {
        var unescaped = Array(bytes[start..<offset])
        while offset < end {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                guard let text = String(validating: unescaped, as: UTF8.self) else {
                    throw error(.invalidUTF8, at: start)
                }
                return text
            case UInt8(ascii: "\\"):
                try parseEscape(into: &unescaped)
            case 0..<0x20:
                throw error(.controlCharacter, at: offset)
            default:
                unescaped.append(byte)
                offset += 1
            }
        }
        throw error(.unexpectedEnd, at: end)
    }

    private mutating func parseEscape(into unescaped: inout [UInt8]) throws(JSONParsingError) {
        guard offset + 1 < end else { throw error(.unexpectedEnd, at: end) }
        let start = offset
        offset += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): unescaped.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): unescaped.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): unescaped.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try parseUnicodeEscape(startingAt: start)
            if scalar.value == 0, !limits.allowsNUL { throw error(.nulCharacter, at: start) }
            unescaped.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            throw error(.invalidEscape, at: start)
        }
    }

    private mutating func parseUnicodeEscape(startingAt start: Int) throws(JSONParsingError) -> Unicode.Scalar {
        let first = try parseFourHexDigits(escapeAt: start)
        var value = first
        if 0xD800..<0xDC00 ~= first {
            guard offset + 1 < end, bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u") else {
                throw error(.loneSurrogate, at: start)
            }
            offset += 2
            let second = try parseFourHexDigits(escapeAt: offset - 2)
            guard 0xDC00..<0xE000 ~= second else { throw error(.loneSurrogate, at: start) }
            value = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(value) else { throw error(.loneSurrogate, at: start) }
        return scalar
    }

    private mutating func parseFourHexDigits(escapeAt start: Int) throws(JSONParsingError) -> UInt32 {
        guard offset + 4 <= end else { throw error(.unexpectedEnd, at: end) }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Hex.value(of: bytes[offset]) else { throw error(.invalidEscape, at: start) }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    private func text(_ range: Range<Int>) throws(JSONParsingError) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw error(.invalidUTF8, at: range.lowerBound)
        }
        return text
    }

    // MARK: - Numbers and words

    private mutating func parseNumber() throws(JSONParsingError) -> JSONValue {
        let start = offset
        let isNegative = bytes[offset] == UInt8(ascii: "-")
        if isNegative { offset += 1 }
        let firstDigit = offset
        // The magnitude is built negatively, because Int64.min has no positive counterpart.
        var negated: Int64 = 0
        var fits = true
        while offset < end, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[offset] {
            let (product, overflowed) = negated.multipliedReportingOverflow(by: 10)
            let (difference, overflowedAgain) = product.subtractingReportingOverflow(Int64(bytes[offset] & 0x0F))
            fits = fits && !overflowed && !overflowedAgain
            negated = difference
            offset += 1
        }
        let digits = offset - firstDigit
        guard digits > 0, digits == 1 || bytes[firstDigit] != UInt8(ascii: "0") else {
            throw error(.invalidNumber, at: start)
        }
        let isWhole = try !skipFractionAndExponent(numberAt: start)
        if isWhole, fits {
            if isNegative, negated != 0 { return .integer(negated) }
            if !isNegative, negated != .min { return .integer(-negated) }
        }
        guard let value = Double(String(decoding: bytes[start..<offset], as: UTF8.self)) else {
            throw error(.invalidNumber, at: start)
        }
        guard value.isFinite else { throw error(.numberOutOfRange, at: start) }
        return .number(value)
    }

    /// Skips what may follow the whole part of a number; says whether there was any.
    private mutating func skipFractionAndExponent(numberAt start: Int) throws(JSONParsingError) -> Bool {
        var found = false
        if offset < end, bytes[offset] == UInt8(ascii: ".") {
            found = true
            offset += 1
            guard skipDigits() > 0 else { throw error(.invalidNumber, at: start) }
        }
        if offset < end, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            found = true
            offset += 1
            if offset < end, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") { offset += 1 }
            guard skipDigits() > 0 else { throw error(.invalidNumber, at: start) }
        }
        return found
    }

    private mutating func skipDigits() -> Int {
        let start = offset
        while offset < end, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[offset] { offset += 1 }
        return offset - start
    }

    private mutating func expect(_ word: StaticString) throws(JSONParsingError) {
        let expected = word.description.utf8
        guard end - offset >= expected.count else { throw error(.unexpectedEnd, at: end) }
        for byte in expected {
            guard bytes[offset] == byte else { throw error(.unexpectedCharacter, at: offset) }
            offset += 1
        }
    }

    // MARK: - Structure

    private mutating func enter() throws(JSONParsingError) {
        depth += 1
        guard depth <= min(limits.maximumDepth, 512) else { throw error(.tooDeep, at: offset) }
        offset += 1
    }

    /// Skips white space, and then `byte` if it is next; says whether it was.
    private mutating func next(is byte: UInt8) -> Bool {
        skipWhitespace()
        guard offset < end, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipWhitespace() {
        // Between the tokens of what programs write there is none.
        guard offset < end, bytes[offset] <= 0x20 else { return }
        while offset < end {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    private func unexpected() -> JSONParsingError {
        error(offset < end ? .unexpectedCharacter : .unexpectedEnd, at: offset)
    }

    private func error(_ reason: JSONParsingError.Reason, at offset: Int) -> JSONParsingError {
        let line = bytes[..<min(offset, end)].reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
        return JSONParsingError(reason: reason, offset: offset, line: line)
    }
}
