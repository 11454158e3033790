/// Checks the text of a webhook's URL. Where it leads is checked when it is called.
package enum WebhookURL {
    /// The URL without what may be a secret in it: scheme, host, port and path as they are, of the query the names alone.
    ///
    /// Receivers that cannot check a signature are often told apart by a token in the query, which whoever may read a task must
    /// not learn.
    ///
    /// - Parameter text: The URL.
    /// - Returns: `https://ci.example.com/hook?token=***` for `https://ci.example.com/hook?token=abc`. A parameter without a
    ///   name is hidden whole, and so is user information, which ``problem(with:)`` refuses.
    package static func redacted(_ text: String) -> String {
        let whole = text.prefix { $0 != "#" }
        let address = whole.prefix { $0 != "?" }
        var shown = String(address)
        if let separator = address.firstRange(of: "://") {
            let rest = address[separator.upperBound...]
            let authority = rest.prefix { $0 != "/" }
            if let at = authority.lastIndex(of: "@") {
                shown = address[..<separator.upperBound] + "***" + rest[at...]
            }
        }
        guard address.endIndex < whole.endIndex else { return shown }
        let parameters = whole[whole.index(after: address.endIndex)...]
            .split(separator: "&", omittingEmptySubsequences: false)
            .map { parameter -> String in
                guard let end = parameter.firstIndex(of: "=") else { return parameter.isEmpty ? "" : "***" }
                return parameter[..<end] + "=***"
            }
        return shown + "?" + parameters.joined(separator: "&")
    }

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
