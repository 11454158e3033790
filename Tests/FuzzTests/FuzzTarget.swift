/// What is fuzzed: a decoder of something that comes from outside, the form of its input, and what must hold of the
/// outcome whatever the input is.
struct FuzzTarget: Sendable {
    /// The form of an input; it says what can be changed in it besides bytes.
    enum Form: Sendable {
        /// Text of a grammar of its own.
        case text
        /// One JSON text.
        case json
        /// JSON texts, one a line.
        case jsonLines
        /// A record: a line for each header, an empty line, and the value; see ``FuzzedRecord``.
        case record
    }

    /// The folder of its samples in `Corpus`.
    let name: String
    /// The form of its inputs.
    let form: Form
    /// Words of the grammar, which chance would not spell.
    var words: [String] = []
    /// The longest input.
    var maximumBytes = 16 << 10
    /// Decodes an input and checks what came of it.
    ///
    /// It answers with the kind of the outcome, such as an error's code: an input with a new one is worth further change.
    /// It throws a ``Violation`` where something does not hold.
    let check: @Sendable ([UInt8]) throws -> String

    /// What stands in inputs for a secret that somebody has put there. Neither a name nor a reference nor a URL can hold it.
    static let canary = "c4n4ry!pa55 word"
}

/// Something that should hold of every input and does not.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Throws a ``Violation`` unless a condition holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(Violation) {
    if !condition { throw Violation(what()) }
}

/// Throws a ``Violation`` where a text that is logged or sent away has the secret of an input in it.
func requireNoCanary(_ text: String, _ place: @autoclosure () -> String) throws(Violation) {
    try require(!text.utf8Contains(FuzzTarget.canary), "\(place()) quotes the input: \(text.prefix(300))")
}

extension String {
    /// Whether the bytes of another text are in this one's, whatever characters they make there.
    func utf8Contains(_ other: String) -> Bool { Array(utf8).firstRange(of: Array(other.utf8)) != nil }
}
