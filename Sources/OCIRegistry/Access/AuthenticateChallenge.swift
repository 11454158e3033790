/// One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1).
struct AuthenticateChallenge: Sendable, Hashable {
    /// The scheme in lower case: `bearer`, `basic`, …
    var scheme: String
    /// The parameters, names in lower case; of two with one name the first counts.
    var parameters: [String: String] = [:]

    /// Reads all challenges of all `WWW-Authenticate` headers; a header gives what stands before that which cannot be read.
    static func parse(_ headers: [String]) -> [AuthenticateChallenge] {
        headers.flatMap { header in
            var parser = ChallengeParser(Array(header.utf8))
            return parser.challenges()
        }
    }
}

/// Reads the grammar of RFC 9110 §11: challenges and their parameters are both separated by commas, so what a comma leads
/// to shows only after the next token.
private struct ChallengeParser {
    private let bytes: [UInt8]
    private var position = 0

    private static let maximumBytes = 8 << 10
    private static let maximumChallenges = 16

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func challenges() -> [AuthenticateChallenge] {
        guard bytes.count <= Self.maximumBytes else { return [] }
        var found: [AuthenticateChallenge] = []
        while true {
            skip { $0 == 0x20 || $0 == 0x09 || $0 == 0x2C }
            guard position < bytes.count else { return found }
            guard let token = takeToken() else { return found }
            let afterToken = position
            skipSpace()
            if take(0x3D) {
                // A parameter of the challenge before it.
                guard !found.isEmpty, let value = takeValue() else { return found }
                let name = token.lowercased()
                let last = found.count - 1
                if found[last].parameters[name] == nil { found[last].parameters[name] = value }
                continue
            }
            position = afterToken
            guard found.count < Self.maximumChallenges else { return found }
            found.append(AuthenticateChallenge(scheme: token.lowercased()))
            skipToken68()
        }
    }

    private mutating func takeValue() -> String? {
        skipSpace()
        return take(0x22) ? takeQuoted() : takeBare()
    }

    /// A value without quotes: more than a token, since registries leave out the quotes of scopes and URLs too.
    private mutating func takeBare() -> String? {
        let start = position
        skip { (0x21...0x7E).contains($0) && $0 != 0x2C && $0 != 0x22 }
        return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func takeQuoted() -> String? {
        var value: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case 0x22: return String(validating: value, as: UTF8.self)
            case 0x5C:
                guard position < bytes.count else { return nil }
                value.append(bytes[position])
                position += 1
            default: value.append(byte)
            }
        }
        return nil
    }

    private mutating func takeToken() -> String? {
        let start = position
        skip { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
        return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Passes over the single value that some schemes (Negotiate) have in place of parameters.
    private mutating func skipToken68() {
        let start = position
        skipSpace()
        let first = position
        skip { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "-._~+/".utf8.contains(byte)
            }
        }
        let hasValue = position > first
        skip { $0 == 0x3D }
        let end = position
        skipSpace()
        guard hasValue, position == bytes.count || bytes[position] == 0x2C else {
            position = start
            return
        }
        position = end
    }

    private mutating func skipSpace() { skip { $0 == 0x20 || $0 == 0x09 } }

    private mutating func skip(while condition: (UInt8) -> Bool) {
        while position < bytes.count, condition(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }
}
