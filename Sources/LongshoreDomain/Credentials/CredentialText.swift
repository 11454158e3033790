/// The rules for user names, passwords and tokens; none of the sentences quotes the text.
enum CredentialText {
    /// RFC 7617 §2: no colon in a user name, no control character in either part.
    static func problem(username: String) -> String? {
        if username.isEmpty { return "must not be empty" }
        if username.utf8.contains(UInt8(ascii: ":")) { return "must not have a colon" }
        return hasControl(username) ? "must not have control characters" : nil
    }

    static func problem(secret: String) -> String? {
        if secret.isEmpty { return "must not be empty" }
        // The usual one is the line's end of the file it was read from, which no registry accepts.
        return hasControl(secret) ? "must not have control characters, such as a line's end" : nil
    }

    private static func hasControl(_ text: String) -> Bool { text.utf8.contains { $0 < 0x20 || $0 == 0x7F } }
}
