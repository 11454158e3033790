/// The syntax of Kubernetes' names and labels (apimachinery's `validation` package).
package enum KubernetesNames {
    /// RFC 1123 label: at most 63 lower-case letters, digits and `-`, a letter or digit at both ends.
    ///
    /// - Parameter text: The name.
    /// - Returns: Whether it is one.
    package static func isLabel(_ text: some Collection<UInt8>) -> Bool {
        guard text.count <= 63, let first = text.first, isLowerAlphanumeric(first) else { return false }
        var last = first
        for byte in text {
            guard isLowerAlphanumeric(byte) || byte == UInt8(ascii: "-") else { return false }
            last = byte
        }
        return isLowerAlphanumeric(last)
    }

    /// RFC 1123 subdomain: at most 253 bytes, labels joined by dots. A label may here be longer than 63, as Kubernetes has it.
    ///
    /// - Parameter text: The name of a node, a Secret or most other objects.
    /// - Returns: Whether it is one.
    package static func isSubdomain(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.first, let last = part.last else { return false }
            return isLowerAlphanumeric(first) && isLowerAlphanumeric(last)
                && part.allSatisfy { isLowerAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// Whether a Secret of this name is, or may yet become, one of Longshore's own: that of another task, or the sealing keys.
    ///
    /// - Parameter name: The name.
    /// - Returns: Whether no request may name it.
    package static func isReservedSecret(_ name: String) -> Bool {
        if name == "longshore-sealing-keys" { return true }
        // pull-<task id>-<8 hexadecimal digits>
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0] == "pull" && TaskID(String(parts[1])) != nil && parts[2].utf8.count == 8
            && parts[2].allSatisfy(\.isHexDigit)
    }

    static let reservedSecretRule = "is the name of a Secret that Longshore makes itself; name one with your credential"

    /// A label's key: an optional DNS prefix and a slash, then a name as a label's value, not empty.
    ///
    /// - Parameter text: The key.
    /// - Returns: Whether it is one.
    package static func isLabelKey(_ text: String) -> Bool {
        guard text.utf8.count <= 317 else { return false }
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return !parts[0].isEmpty && isLabelValue(String(parts[0]))
        case 2: return isSubdomain(String(parts[0])) && !parts[1].isEmpty && isLabelValue(String(parts[1]))
        default: return false
        }
    }

    /// A label's value: empty, or at most 63 letters, digits, `-`, `_`, `.`, a letter or digit at both ends.
    ///
    /// - Parameter text: The value.
    /// - Returns: Whether it is one.
    package static func isLabelValue(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return true }
        guard text.utf8.count <= 63 else { return false }
        return ReferenceGrammar.isAlphanumeric(first) && ReferenceGrammar.isAlphanumeric(last)
            && text.utf8.allSatisfy {
                ReferenceGrammar.isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }

    static let subdomainRule =
        "must be at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part"
    static let labelRule = "must be at most 63 lower-case letters, digits and '-', with a letter or digit at both ends"
    static let labelKeyRule =
        "is no label key: an optional DNS prefix with a slash, then at most 63 letters, digits, '-', '_', '.'"
    static let labelValueRule =
        "is no label value: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"

    private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
        ReferenceGrammar.isLowercase(byte) || ReferenceGrammar.isDigit(byte)
    }
}
