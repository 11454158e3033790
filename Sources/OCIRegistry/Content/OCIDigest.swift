import Crypto
import WireFormats

/// A content digest (OCI image specification, "Digests"): `sha256:` or `sha512:` and lower-case hexadecimal digits.
package struct OCIDigest: Sendable, Hashable, CustomStringConvertible {
    /// The algorithms that registries must know.
    package enum Algorithm: String, Sendable, Hashable, CaseIterable {
        /// SHA-256, 64 digits.
        case sha256
        /// SHA-512, 128 digits.
        case sha512
    }

    /// The algorithm.
    package let algorithm: Algorithm
    /// The digits.
    package let hex: String

    /// Reads `algorithm:digits`; nil for anything else, upper-case digits and other algorithms included.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let algorithm = Algorithm(rawValue: String(parts[0])) else { return nil }
        let digits = parts[1].utf8
        guard digits.count == (algorithm == .sha256 ? 64 : 128),
            digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.algorithm = algorithm
        self.hex = String(parts[1])
    }

    private init(algorithm: Algorithm, hex: String) {
        self.algorithm = algorithm
        self.hex = hex
    }

    /// The digest of some bytes.
    package init(of bytes: [UInt8], algorithm: Algorithm = .sha256) {
        var hash = OCIHash(algorithm)
        hash.update(bytes)
        self = hash.digest()
    }

    /// `algorithm:digits`.
    package var description: String { "\(algorithm.rawValue):\(hex)" }

    /// A digest being computed.
    struct OCIHash: Sendable {
        private enum State {
            case sha256(SHA256)
            case sha512(SHA512)
        }

        private var state: State

        init(_ algorithm: Algorithm) {
            state = algorithm == .sha256 ? .sha256(SHA256()) : .sha512(SHA512())
        }

        mutating func update(_ bytes: [UInt8]) {
            switch state {
            case .sha256(var hash):
                hash.update(data: bytes)
                state = .sha256(hash)
            case .sha512(var hash):
                hash.update(data: bytes)
                state = .sha512(hash)
            }
        }

        func digest() -> OCIDigest {
            switch state {
            case .sha256(let hash): OCIDigest(algorithm: .sha256, hex: Hex.encode(hash.finalize()))
            case .sha512(let hash): OCIDigest(algorithm: .sha512, hex: Hex.encode(hash.finalize()))
            }
        }
    }
}
