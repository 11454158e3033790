import WireFormats

extension FuzzTarget {
    /// The JSON parser and writer, pointers into what was read, and the limits.
    static let json = FuzzTarget(
        name: "json",
        form: .json,
        words: [
            #""\u0000""#, #""\ud83d\ude00""#, #"\ud83d"#, #"\ude00"#, #"\u00"#, #"\x"#, "-0", "1e5", "1E-400", "01",
            "-",
            "1.", ".5", "NaN", "tru", "[[[[[[[[", "]]]]", #"{"a":"#, #""a":1,"#, "\u{FEFF}",
        ]
    ) { input in
        let limits = JSONValue.ParsingLimits(
            maximumDepth: 1 + input.count % 64,
            maximumBytes: 8 << 10,
            allowsNUL: input.count.isMultiple(of: 2)
        )
        let value: JSONValue
        do throws(JSONParsingError) {
            value = try JSONValue(parsing: input, limits: limits)
        } catch {
            try require(0...input.count ~= error.offset, "the fault is at \(error.offset) of \(input.count) bytes")
            let lines = input.count { $0 == 0x0A } + 1
            try require(1...lines ~= error.line, "the fault is in line \(error.line) of \(lines)")
            return error.reason.rawValue
        }
        try require(input.count <= limits.maximumBytes, "the text is longer than the limit")
        try require(value.depth <= limits.maximumDepth, "the value is deeper than the limit")
        try requireNUL(value, isAllowed: limits.allowsNUL)
        try requireRoundTrip(value)
        try requirePointers(value)
        return value.kindName
    }

    private static func requireNUL(_ value: JSONValue, isAllowed: Bool) throws(Violation) {
        guard !isAllowed else { return }
        for text in value.descendants.flatMap({ [$0.string ?? ""] + ($0.object?.keys ?? []) }) {
            try require(!text.utf8.contains(0), "NUL came through")
        }
    }

    /// However it is written, it is read as the same value, and written the same again.
    static func requireRoundTrip(_ value: JSONValue) throws(Violation) {
        for (sortedKeys, pretty) in [(false, false), (true, false), (false, true), (true, true)] {
            let text = value.serialized(sortedKeys: sortedKeys, pretty: pretty)
            guard let again = try? JSONValue(parsing: text) else { throw Violation("what was written cannot be read") }
            try require(again == value, "what was written is read as something else")
            try require(
                again.serialized(sortedKeys: sortedKeys, pretty: pretty) == text,
                "what was read is written otherwise"
            )
        }
    }

    private static func requirePointers(
        _ value: JSONValue,
        at pointer: JSONPointer = .root,
        of root: JSONValue? = nil
    )
        throws(Violation)
    {
        let root = root ?? value
        try require(JSONPointer(parsing: pointer.description) == pointer, "a pointer's text is another pointer")
        try require(root.value(at: pointer) == value, "a pointer leads elsewhere")
        for (index, element) in (value.array ?? []).prefix(8).enumerated() {
            try requirePointers(element, at: pointer.appending(index), of: root)
        }
        for (key, member) in (value.object ?? [:]).prefix(8) {
            try requirePointers(member, at: pointer.appending(key), of: root)
        }
    }
}
