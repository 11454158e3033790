/// Takes secrets out of texts that come from elsewhere: error messages, response bodies, container states.
///
/// It knows two ways: the secrets that it was told about, in their usual encodings, and the places where secrets usually
/// stand (user information in URLs, authorization headers, `password=` and the like), whatever is there.
package struct Scrubber: Sendable {
    /// What stands in the place of a secret.
    package static let replacement = "<redacted>"

    /// The secrets that it was told about; kept as such, so that a printed scrubber shows nothing.
    private var secrets: [SecretBytes] = []
    private static let minimumSecretLength = 4

    /// A scrubber that knows no secret yet.
    package init() {}

    /// A scrubber that knows the given secrets.
    package init(_ secrets: some Sequence<SecretBytes>) {
        for secret in secrets { add(secret) }
    }

    /// Adds a secret, which is then found plain, percent-encoded, escaped as in JSON, and inside of base64 at any position.
    ///
    /// One below four bytes is ignored: it would be found everywhere.
    package mutating func add(_ secret: SecretBytes) {
        guard secret.count >= Self.minimumSecretLength else { return }
        secrets.append(secret)
        let bytes = secret.exposeBytes()
        for skipped in 0..<3 {
            for isURLSafe in [false, true] {
                let form = Self.base64Core(of: bytes, precededBy: skipped, isURLSafe: isURLSafe)
                if form.count >= Self.minimumSecretLength { secrets.append(SecretBytes(form)) }
            }
        }
    }

    /// The text without secrets and control characters.
    /// - Parameters:
    ///   - text: any text.
    ///   - limit: the most bytes of UTF-8 that the result may have; a longer one ends with `…`. Default 1,024.
    /// - Returns: the scrubbed text.
    package func scrub(_ text: String, limit: Int = 1_024) -> String {
        let redacted = SecretPlaces.redact(replaceSecrets(Array(text.utf8)))
        let printable = Self.withoutControlCharacters(String(decoding: redacted, as: UTF8.self))
        // Again: a line's end that has become a space may have made a secret whole.
        return Self.bound(String(decoding: replaceSecrets(Array(printable.utf8)), as: UTF8.self), limit: limit)
    }

    // MARK: - Known secrets

    private func replaceSecrets(_ text: [UInt8]) -> [UInt8] {
        var bytes = text
        for secret in secrets { bytes = Self.replace(secret.exposeBytes(), in: bytes) }
        return bytes
    }

    private static func replace(_ secret: [UInt8], in text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if let end = SecretMatch.end(of: secret, in: text, at: index) {
                result.append(contentsOf: replacement.utf8)
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// The base64 characters that depend on `bytes` alone when `skipped` unknown bytes stand before them in their group.
    private static func base64Core(of bytes: [UInt8], precededBy skipped: Int, isURLSafe: Bool) -> [UInt8] {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        let alphabet = Array((letters + (isURLSafe ? "-_" : "+/")).utf8)
        var form: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in [UInt8](repeating: 0, count: skipped) + bytes {
            bits = bits << 8 | UInt32(byte)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                form.append(alphabet[Int(bits >> UInt32(bitCount) & 63)])
            }
            bits &= (1 << UInt32(bitCount)) - 1
        }
        return Array(form.dropFirst((skipped * 8 + 5) / 6))
    }

    // MARK: - Form

    private static func withoutControlCharacters(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(isControl(scalar) ? " " : scalar) }
        return String(scalars)
    }

    /// Whether a scalar can move a terminal's cursor, break a line, or turn the direction of the text around it.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    private static func bound(_ text: String, limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        let mark = "…"
        guard limit >= mark.utf8.count else { return "" }
        var kept = String.UnicodeScalarView()
        var room = limit - mark.utf8.count
        for scalar in text.unicodeScalars {
            room -= UTF8.width(scalar)
            guard room >= 0 else { break }
            kept.append(scalar)
        }
        return String(kept) + mark
    }
}
