/// Checks the text of a webhook's URL. Where it leads is checked when it is called.
package enum WebhookURL {
    /// What keeps a text from being a webhook's URL.
    ///
    /// - Parameter text: The URL.
    /// - Returns: A sentence that does not quote it; nothing when it is fine: `http` or `https`, a host, no user information.
    package static func problem(with text: String) -> String? {
        guard text.utf8.count <= RequestLimits.webhookURLBytes else {
            return "is longer than \(RequestLimits.webhookURLBytes) bytes"
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            return "has a space, a control character, a backslash or a character that is not ASCII"
        }
        guard let separator = text.firstRange(of: "://") else { return "is not an absolute URL" }
        guard ["http", "https"].contains(text[..<separator.lowerBound].lowercased()) else {
            return "has a scheme that is neither http nor https"
        }
        guard !text.contains("#") else { return "has a fragment, which is never sent" }
        let rest = text[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else { return "has user information; use the webhook's signature instead" }
        do {
            try ImageReferenceParser.checkDomain(Array(authority.utf8)[...])
        } catch {
            return error.code == .invalidPort
                ? "has a port that is not a number from 1 to 65535"
                : "has a host that is not a host name or an IP address"
        }
        return nil
    }
}
