/// Why a text is not acceptable JSON. It never quotes the text, which may hold a credential.
package struct JSONParsingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was wrong.
    package enum Reason: String, Sendable, CaseIterable {
        case tooLong = "the text is too long"
        case tooDeep = "the text is nested too deeply"
        case unexpectedEnd = "the text ends in the middle of a value"
        case unexpectedCharacter = "unexpected character"
        case trailingCharacters = "characters after the end of the value"
        case invalidNumber = "invalid number"
        case numberOutOfRange = "number out of range"
        case invalidEscape = "invalid escape sequence"
        case loneSurrogate = "half of a surrogate pair"
        case controlCharacter = "control character in a string"
        case nulCharacter = "NUL character in a string"
        case invalidUTF8 = "invalid UTF-8"
        case duplicateKey = "duplicate key"
    }

    /// What was wrong.
    package let reason: Reason
    /// Where, in bytes from the beginning, from 0.
    package let offset: Int
    /// Where, in lines, from 1.
    package let line: Int

    /// An error at a place.
    package init(reason: Reason, offset: Int, line: Int) {
        self.reason = reason
        self.offset = offset
        self.line = line
    }

    package var description: String { "\(reason.rawValue) (line \(line), byte \(offset))" }
}
