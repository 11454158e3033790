/// Redacts what stands where secrets usually stand, known or not.
enum SecretPlaces {
    /// Names whose value is a secret; a name that ends with one of them counts too (`access_token`, `X-Amz-Signature`).
    private static let secretNames = [
        "password", "passwd", "passwort", "pwd", "token", "secret", "apikey", "api_key", "api-key", "signature", "sig",
        "credential", "authorization", "auth", "accesskey", "access_key", "private_key",
    ]
    /// What follows `basic` or `bearer` in plain prose, and is no credential.
    private static let proseAfterScheme: Set<String> = [
        "auth", "authentication", "authorization", "token", "tokens", "credential", "credentials", "challenge", "realm",
        "scheme", "error", "was", "is", "not", "and", "or", "required", "only", "failed",
    ]

    static func redact(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if let secret = secretRange(in: text, at: index) {
                result.append(contentsOf: text[index..<secret.lowerBound])
                result.append(contentsOf: Scrubber.replacement.utf8)
                index = secret.upperBound
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// The range of a secret that the characters at `index` announce, nil when they announce none.
    private static func secretRange(in text: [UInt8], at index: Int) -> Range<Int>? {
        switch text[index] {
        case UInt8(ascii: ":"):
            userInformation(in: text, at: index) ?? value(in: text, separatorAt: index)
        case UInt8(ascii: "="):
            value(in: text, separatorAt: index)
        case UInt8(ascii: "b"), UInt8(ascii: "B"):
            schemeCredential(in: text, at: index)
        default:
            nil
        }
    }

    /// What stands between `://` and the last `@` of the authority.
    private static func userInformation(in text: [UInt8], at index: Int) -> Range<Int>? {
        guard index + 2 < text.count, text[index + 1] == UInt8(ascii: "/"), text[index + 2] == UInt8(ascii: "/") else {
            return nil
        }
        let start = index + 3
        var end: Int?
        var position = start
        while position < text.count, !isEndOfAuthority(text[position]) {
            if text[position] == UInt8(ascii: "@") { end = position }
            position += 1
        }
        guard let end, end > start else { return nil }
        return start..<end
    }

    /// The value after `name=`, `name: `, `"name":` where the name is one of a secret's.
    private static func value(in text: [UInt8], separatorAt index: Int) -> Range<Int>? {
        var nameEnd = index
        var isQuoted = false
        if nameEnd > 0, isQuote(text[nameEnd - 1]) {
            isQuoted = true
            nameEnd -= 1
            if nameEnd > 0, text[nameEnd - 1] == UInt8(ascii: "\\") { nameEnd -= 1 }
        }
        var nameStart = nameEnd
        while nameStart > 0, nameEnd - nameStart < 64, isNameCharacter(text[nameStart - 1]) { nameStart -= 1 }
        let name = String(decoding: text[nameStart..<nameEnd], as: UTF8.self).lowercased()
        guard isSecretName(name) else { return nil }
        // In prose ("invalid token: expired") a colon announces no value, unless the name says that it must be one.
        if text[index] == UInt8(ascii: ":"), !isQuoted, !name.hasSuffix("password"), !name.hasSuffix("authorization") {
            return nil
        }
        return valueRange(in: text, after: index, isHeader: name.hasSuffix("authorization"))
    }

    private static func valueRange(in text: [UInt8], after separator: Int, isHeader: Bool) -> Range<Int>? {
        var start = separator + 1
        while start < text.count, text[start] == UInt8(ascii: " ") { start += 1 }
        if start < text.count, text[start] == UInt8(ascii: "\\") { start += 1 }
        // Within a quoted JSON text, quotes are themselves escaped, and an escaped one ends the value.
        let isNested = start > 0 && text[start - 1] == UInt8(ascii: "\\")
        var quote: UInt8?
        if start < text.count, isQuote(text[start]) {
            quote = text[start]
            start += 1
        }
        var end = start
        while end < text.count {
            let byte = text[end]
            if let quote {
                if byte == quote { break }
                if byte == UInt8(ascii: "\\") {
                    if isNested, end + 1 < text.count, text[end + 1] == quote { break }
                    end += 1
                }
            } else if isHeader {
                if byte == 0x0A || byte == 0x0D || isQuote(byte) { break }
            } else if isEndOfValue(byte) {
                break
            }
            end += 1
        }
        end = min(end, text.count)
        return end > start ? start..<end : nil
    }

    /// The credential after the words `Basic` and `Bearer`.
    private static func schemeCredential(in text: [UInt8], at index: Int) -> Range<Int>? {
        if index > 0, isNameCharacter(text[index - 1]) { return nil }
        for scheme in ["basic", "bearer"] where matches(scheme, in: text, at: index) {
            var start = index + scheme.utf8.count
            guard start < text.count, text[start] == UInt8(ascii: " ") else { continue }
            while start < text.count, text[start] == UInt8(ascii: " ") { start += 1 }
            var end = start
            while end < text.count, isTokenCharacter(text[end]) { end += 1 }
            let word = String(decoding: text[start..<end], as: UTF8.self).lowercased()
            // A challenge's parameter (`realm="…"`) has its name before the equals sign, and no secret in it.
            let isParameter =
                end > start && text[end - 1] == UInt8(ascii: "=") && end < text.count && isQuote(text[end])
            guard end > start, !isParameter, !proseAfterScheme.contains(word) else { continue }
            return start..<end
        }
        return nil
    }

    static func isSecretName(_ name: String) -> Bool {
        !name.isEmpty && secretNames.contains { name.hasSuffix($0) }
    }

    private static func matches(_ word: String, in text: [UInt8], at index: Int) -> Bool {
        guard index + word.utf8.count <= text.count else { return false }
        return zip(word.utf8, text[index...]).allSatisfy { $0 == $1 | 0x20 }
    }

    private static func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }

    private static func isEndOfAuthority(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "'"),
            UInt8(ascii: "<"), UInt8(ascii: ">"):
            true
        default: false
        }
    }

    private static func isEndOfValue(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, UInt8(ascii: "&"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\""), UInt8(ascii: "'"),
            UInt8(ascii: ")"), UInt8(ascii: "}"), UInt8(ascii: "]"):
            true
        default: false
        }
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): true
        default: isNameCharacter(byte)
        }
    }
}
