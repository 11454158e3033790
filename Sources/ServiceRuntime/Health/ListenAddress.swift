/// Addresses that a server listens on.
package enum ListenAddress {
    /// Splits `HOST:PORT`; an IPv6 host stands in brackets.
    ///
    /// - Parameters:
    ///   - text: The address.
    ///   - flag: The flag it came from, for the error.
    /// - Returns: The host without brackets, and the port.
    /// - Throws: ``SettingsError`` with the flag and the text when it has no host or no port of 0 to 65535.
    package static func parse(_ text: String, flag: String) throws(SettingsError) -> (host: String, port: Int) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), colon != text.startIndex
        else {
            throw SettingsError(["\(flag): “\(text)” is not HOST:PORT, such as 0.0.0.0:8080"])
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        }
        return (host, port)
    }
}
