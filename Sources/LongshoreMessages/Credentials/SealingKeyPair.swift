import Crypto
import FoundationEssentials
package import Redaction
import WireFormats

/// An X25519 key pair that credentials are sealed to. The private part is at rest in a Secret of the executors alone.
package struct SealingKeyPair: Sendable, Equatable {
    /// Its id: the first 16 hexadecimal digits of the public key's SHA-256, so that nobody can choose one that is taken.
    package let keyID: String
    /// The public key, 32 bytes.
    package let publicKey: [UInt8]
    /// The private key, 32 bytes.
    package let privateKey: SecretBytes

    /// The length of a public key in bytes.
    package static let publicKeyBytes = 32

    private init(_ key: Curve25519.KeyAgreement.PrivateKey) {
        publicKey = Array(key.publicKey.rawRepresentation)
        privateKey = SecretBytes(Array(key.rawRepresentation))
        keyID = Self.keyID(of: publicKey)
    }

    /// Makes a new pair.
    package static func generate() -> SealingKeyPair { SealingKeyPair(Curve25519.KeyAgreement.PrivateKey()) }

    /// Takes up a pair from its private key; nil when that is not 32 bytes.
    package init?(privateKey: SecretBytes) {
        guard
            let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: Data(privateKey.exposeBytes()))
        else { return nil }
        self.init(key)
    }

    /// The id of a public key.
    package static func keyID(of publicKey: [UInt8]) -> String {
        Hex.encode(SHA256.hash(data: publicKey).prefix(8))
    }
}
