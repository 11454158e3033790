/// Takes secrets out of texts that come from elsewhere: error messages, response bodies, container states.
///
/// It knows two ways: the secrets that it was told about, in their usual encodings, and the places where secrets usually
/// stand (user information in URLs, authorization headers, `password=` and the like), whatever is there.
package struct Scrubber: Sendable {
    /// What stands in the place of a secret.
    package static let replacement = "<redacted>"

    /// One form of a secret; kept as secret bytes, so that a printed scrubber shows nothing.
    private struct Form: Sendable {
        var bytes: SecretBytes
        /// Whether the character before or behind it in base64 is partly made of the secret as well.
        var hasBase64Before = false
        var hasBase64Behind = false
    }

    private var forms: [Form] = []
    private static let minimumSecretLength = 4

    /// A scrubber that knows no secret yet.
    package init() {}

    /// A scrubber that knows the given secrets.
    package init(_ secrets: some Sequence<SecretBytes>) {
        for secret in secrets { add(secret) }
    }

    /// Adds a secret, which is then found plain, percent-encoded, escaped as in JSON, Go and HTML, the former two also twice
    /// over, and inside of base64 of either alphabet at any position.
    ///
    /// One below four bytes is ignored: it would be found everywhere.
    package mutating func add(_ secret: SecretBytes) {
        guard secret.count >= Self.minimumSecretLength else { return }
        let bytes = secret.exposeBytes()
        // What is shown later has no invisible characters: a secret that has some is found without them, too.
        let visible = Array(VisibleText.of(String(decoding: bytes, as: UTF8.self)).utf8)
        for plain in Set([bytes, visible]) where plain.count >= Self.minimumSecretLength {
            forms.append(Form(bytes: SecretBytes(plain)))
            // One level more of an encoding is undone by the comparison.
            for encoded in Set([Self.percentEncoded(plain), Self.jsonEscaped(plain)]) where encoded != plain {
                forms.append(Form(bytes: SecretBytes(encoded)))
            }
        }
        for skipped in 0..<3 {
            for isURLSafe in [false, true] {
                let core = Self.base64Core(of: bytes, precededBy: skipped, isURLSafe: isURLSafe)
                guard core.count >= Self.minimumSecretLength else { continue }
                forms.append(
                    Form(
                        bytes: SecretBytes(core),
                        hasBase64Before: skipped != 0,
                        hasBase64Behind: (skipped + bytes.count) % 3 != 0
                    )
                )
            }
        }
    }

    /// The text without secrets, control characters and invisible ones.
    /// - Parameters:
    ///   - text: any text.
    ///   - limit: the most bytes of UTF-8 that the result may have; a longer one ends with `…`. Default 1,024.
    /// - Returns: the scrubbed text.
    package func scrub(_ text: String, limit: Int = 1_024) -> String {
        let redacted = SecretPlaces.redact(replaceSecrets(Array(text.utf8)))
        let visible = VisibleText.of(String(decoding: redacted, as: UTF8.self))
        // Again: what stood between the parts of a secret is gone, or a space.
        return Self.bound(String(decoding: replaceSecrets(Array(visible.utf8)), as: UTF8.self), limit: limit)
    }

    /// Whether a field or header of this name holds a secret: `password`, `X-Auth-Token` and the like.
    package static func isSecretName(_ name: String) -> Bool { SecretPlaces.isSecretName(name.lowercased()) }

    // MARK: - Known secrets

    private func replaceSecrets(_ text: [UInt8]) -> [UInt8] {
        var bytes = text
        for form in forms { bytes = Self.replace(form, in: bytes) }
        return bytes
    }

    private static func replace(_ form: Form, in text: [UInt8]) -> [UInt8] {
        let secret = form.bytes.exposeBytes()
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            guard mayStart(secret, with: text[index]), let end = SecretMatch.end(of: secret, in: text, at: index) else {
                result.append(text[index])
                index += 1
                continue
            }
            if form.hasBase64Before, let last = result.last, isBase64(last) { result.removeLast() }
            result.append(contentsOf: replacement.utf8)
            index = end
            if form.hasBase64Behind, index < text.count, isBase64(text[index]) { index += 1 }
        }
        return result
    }

    /// Whether a secret, plain or encoded, can begin with a byte of the text; spares the comparison at most places.
    private static func mayStart(_ secret: [UInt8], with byte: UInt8) -> Bool {
        byte == secret.first || "%&+\\".utf8.contains(byte)
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "+/-_".utf8.contains(byte)
        }
    }

    /// Everything but unreserved characters (RFC 3986 §2.3) as `%XX`.
    private static func percentEncoded(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: [byte]
            default: Array("%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))".utf8)
            }
        }
    }

    /// Quotes and backslashes escaped (RFC 8259 §7).
    private static func jsonEscaped(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), byte] : [byte]
        }
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
