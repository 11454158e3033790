package import TestSupport

/// A registry of `LONGSHORE_TEST_REGISTRIES`.
package struct RegistryAccount: Sendable, Equatable {
    /// `host[:port]`.
    package let host: String
    /// The path below which the suite's repositories are; empty for none.
    package let path: String
    /// The account's name; empty for a registry that takes pushes without one.
    package let username: String
    /// The account's password.
    package let password: String

    /// Reads a list of `[user:password@]host[:port][/path]`, separated by commas. User and password may have
    /// percent-encoded characters, as a comma, `:`, `@` and `/` must be.
    package static func parse(_ text: String) -> Result<[RegistryAccount], TestSupportError> {
        var accounts: [RegistryAccount] = []
        for (index, entry) in text.split(separator: ",").enumerated() {
            let entry = entry.drop { $0 == " " }
            let parts = entry.split(separator: "@", omittingEmptySubsequences: false)
            let pair = parts.count == 2 ? parts[0].split(separator: ":", omittingEmptySubsequences: false) : []
            let place = (parts.last ?? "").split(separator: "/", maxSplits: 1)
            guard parts.count <= 2, parts.count == 1 || pair.count == 2, let host = place.first,
                let decoded = decode(pair)
            else {
                // Not the entry itself: there is a password in it.
                let form = "[user:password@]host[:port][/path]"
                return .failure(TestSupportError("LONGSHORE_TEST_REGISTRIES: entry \(index + 1) is not \(form)"))
            }
            accounts.append(
                RegistryAccount(
                    host: String(host),
                    path: place.count == 2 ? String(place[1]) : "",
                    username: decoded.first ?? "",
                    password: decoded.last ?? ""
                )
            )
        }
        guard !accounts.isEmpty else {
            return .failure(TestSupportError("LONGSHORE_TEST_REGISTRIES names no registry"))
        }
        return .success(accounts)
    }

    private static func decode(_ parts: [Substring]) -> [String]? {
        var decoded: [String] = []
        for part in parts {
            var bytes: [UInt8] = []
            var rest = part.utf8[...]
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "%") else {
                    bytes.append(byte)
                    continue
                }
                guard rest.count >= 2, let code = UInt8(String(Substring(rest.prefix(2))), radix: 16) else {
                    return nil
                }
                bytes.append(code)
                rest = rest.dropFirst(2)
            }
            guard !bytes.isEmpty else { return nil }
            decoded.append(String(decoding: bytes, as: UTF8.self))
        }
        return decoded
    }
}
