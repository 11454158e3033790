/// Why a text is no image reference.
///
/// The text that was read is not part of it: a credential pasted into the wrong field must not come back in an answer, a
/// log or a dead letter.
package struct ImageReferenceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, as a constant that can be a metric label.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Nothing was written.
        case empty
        /// More than ``ImageReference/maximumLength`` bytes.
        case tooLong
        /// Not ASCII, or a control character or a space.
        case invalidCharacter
        /// The registry is no host name, IPv4 address or bracketed IPv6 address.
        case invalidDomain
        /// The port is not a number from 1 to 65535.
        case invalidPort
        /// The repository breaks the grammar.
        case invalidPath
        /// The repository has upper-case letters.
        case uppercasePath
        /// The repository has more than 255 bytes.
        case pathTooLong
        /// The tag breaks the grammar or has more than 128 bytes.
        case invalidTag
        /// The digest breaks the grammar.
        case invalidDigest
        /// The digest's algorithm is not registered.
        case unsupportedDigestAlgorithm
        /// The digest's length is not its algorithm's.
        case invalidDigestLength
        /// A 64-digit hexadecimal text, which Docker takes for an image's id.
        case looksLikeImageID
    }

    /// What is wrong.
    package let code: Code

    /// One sentence for the person who wrote the reference.
    package var message: String {
        switch code {
        case .empty: "the reference is empty"
        case .tooLong: "the reference is longer than \(ImageReference.maximumLength) bytes"
        case .invalidCharacter: "the reference has a space, a control character or a character that is not ASCII"
        case .invalidDomain: "the registry is not a host name, an IPv4 address or an IPv6 address in brackets"
        case .invalidPort: "the registry's port is not a number from 1 to 65535"
        case .invalidPath:
            "the repository breaks the grammar: lower-case letters and digits, joined by '.', '_', '__' or '-'"
        case .uppercasePath: "the repository must be lower-case"
        case .pathTooLong: "the repository is longer than 255 bytes"
        case .invalidTag: "the tag is not 1 to 128 letters, digits, '_', '.' or '-', the first not '.' or '-'"
        case .invalidDigest: "the digest is not of the form algorithm:hexadecimal"
        case .unsupportedDigestAlgorithm: "the digest's algorithm is none of sha256, sha384, sha512, blake3"
        case .invalidDigestLength: "the digest's length is not that of its algorithm in lower-case hexadecimal"
        case .looksLikeImageID: "64 hexadecimal digits are an image id, not a repository"
        }
    }

    /// The code and the message.
    package var description: String { "\(code.rawValue): \(message)" }
}
