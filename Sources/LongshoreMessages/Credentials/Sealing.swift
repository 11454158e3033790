import Crypto
import FoundationEssentials
package import LongshoreDomain
package import Redaction

/// What a sealed credential is bound to: a box that was made for one task and registry opens for no other.
package struct SealBinding: Sendable, Hashable {
    /// The task.
    package let taskID: TaskID
    /// The canonical text of the credential's scope.
    package let scopeKey: String

    /// Makes a binding.
    package init(taskID: TaskID, scopeKey: String) {
        self.taskID = taskID
        self.scopeKey = scopeKey
    }

    /// Makes a binding to a scope.
    package init(taskID: TaskID, scope: RegistryScope) { self.init(taskID: taskID, scopeKey: scope.key) }

    /// The associated data of the encryption.
    var associatedData: Data { Data("\(taskID)\n\(scopeKey)".utf8) }
}

/// A credential could not be sealed or opened. Opening has one error for everything that can be wrong: an error that told
/// more would be an oracle.
package struct SealError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What failed.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// The public key is not usable.
        case invalidKey
        /// The box does not open, whatever the reason.
        case unreadable
    }

    /// What failed.
    package let code: Code

    /// Makes an error.
    package init(code: Code) { self.code = code }

    /// One sentence.
    package var message: String {
        switch code {
        case .invalidKey: "the public key is not usable"
        case .unreadable: "the sealed credential cannot be opened for this task and registry"
        }
    }
    /// Trying again cannot help.
    package var isRetryable: Bool { false }

    package var description: String { "\(code.rawValue): \(message)" }
}

/// The one suite of HPKE (RFC 9180) that is used, in base mode.
enum SealingSuite {
    static let suite = HPKE.Ciphersuite.Curve25519_SHA256_ChachaPoly
    static let info = Data("longshore/v1/registry-credential".utf8)

    /// Ends the encapsulated key of a box that shares its exchange with others of the same request.
    ///
    /// Such a box is not sealed by the exchange's own cipher, whose messages could only be opened one after another, but with
    /// a key exported from it for the box's binding (RFC 9180 §5.3).
    static let sharedExchangeMark: UInt8 = 0x01
    static let encapsulatedKeyBytes = 32
    static let keyBytes = 32

    /// The nonce of a key that is used once.
    static func zeroNonce() throws -> ChaChaPoly.Nonce { try ChaChaPoly.Nonce(data: Data(count: 12)) }
}

/// Seals credentials to a cluster's public key. Whoever seals cannot open.
package struct Sealer: Sendable {
    /// The id of the key.
    package let keyID: String
    private let publicKey: Curve25519.KeyAgreement.PublicKey

    /// Takes a public key; keep the sealer for as long as the key is used, since checking costs a key exchange.
    /// - Throws: `SealError` when it is not 32 bytes, or a point of low order, to which everyone can open what is sealed.
    package init(publicKey: [UInt8], keyID: String) throws(SealError) {
        guard let key = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: Data(publicKey)),
            !Self.isOfLowOrder(key)
        else { throw SealError(code: .invalidKey) }
        self.publicKey = key
        self.keyID = keyID
    }

    /// Whether the exchange with a key gives zero for every partner; RFC 9180 §7.1.4 asks for the check, the library leaves it.
    private static func isOfLowOrder(_ key: Curve25519.KeyAgreement.PublicKey) -> Bool {
        let probe = Curve25519.KeyAgreement.PrivateKey()
        guard let secret = try? probe.sharedSecretFromKeyAgreement(with: key) else { return true }
        // The secret itself can only be looked at through a pointer; what is derived from it tells the same.
        let derived = secret.hkdfDerivedSymmetricKey(
            using: SHA256.self,
            salt: Data(),
            sharedInfo: Data(),
            outputByteCount: SealingSuite.keyBytes
        )
        return derived
            == HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: Data(count: SealingSuite.keyBytes)),
                outputByteCount: SealingSuite.keyBytes
            )
    }

    /// Seals one secret, in the form that any implementation of HPKE can make: base mode, one message.
    /// - Throws: `SealError` when the public key is degenerate.
    package func seal(_ secret: SecretBytes, binding: SealBinding) throws(SealError) -> SealedBox {
        do {
            var sender = try HPKE.Sender(
                recipientKey: publicKey,
                ciphersuite: SealingSuite.suite,
                info: SealingSuite.info
            )
            let ciphertext = try sender.seal(Data(secret.exposeBytes()), authenticating: binding.associatedData)
            return SealedBox(
                keyID: keyID,
                encapsulatedKey: Array(sender.encapsulatedKey),
                ciphertext: Array(ciphertext)
            )
        } catch {
            throw SealError(code: .invalidKey)
        }
    }

    /// Seals the secrets of one request with a single key exchange, which is the larger part of the cost.
    ///
    /// - Parameter items: secrets with their bindings; two with the same binding get an exchange each.
    /// - Returns: the boxes, in the same order; each opens without the others.
    /// - Throws: `SealError` when the public key is degenerate.
    package func seal(_ items: [(secret: SecretBytes, binding: SealBinding)]) throws(SealError) -> [SealedBox] {
        // The key of a box depends on its binding alone, and a key must not be used twice.
        guard items.count > 1, Set(items.map(\.binding)).count == items.count else {
            var boxes: [SealedBox] = []
            for item in items { boxes.append(try seal(item.secret, binding: item.binding)) }
            return boxes
        }
        do {
            let sender = try HPKE.Sender(
                recipientKey: publicKey,
                ciphersuite: SealingSuite.suite,
                info: SealingSuite.info
            )
            let encapsulatedKey = Array(sender.encapsulatedKey) + [SealingSuite.sharedExchangeMark]
            return try items.map { item in
                let data = item.binding.associatedData
                let key = try sender.exportSecret(context: data, outputByteCount: SealingSuite.keyBytes)
                let sealed = try ChaChaPoly.seal(
                    Data(item.secret.exposeBytes()),
                    using: key,
                    nonce: SealingSuite.zeroNonce(),
                    authenticating: data
                )
                return SealedBox(
                    keyID: keyID,
                    encapsulatedKey: encapsulatedKey,
                    ciphertext: Array(sealed.ciphertext + sealed.tag)
                )
            }
        } catch {
            throw SealError(code: .invalidKey)
        }
    }
}

/// Opens sealed credentials with the private keys of a cluster, older ones included.
package struct Unsealer: Sendable {
    private let keys: [String: Curve25519.KeyAgreement.PrivateKey]
    /// What a box for an unknown key is tried with, so that it takes as long as any other that does not open.
    private let decoy = Curve25519.KeyAgreement.PrivateKey()

    /// Takes the key pairs that may be used.
    package init(keys: [SealingKeyPair]) {
        var usable: [String: Curve25519.KeyAgreement.PrivateKey] = [:]
        for pair in keys {
            let data = Data(pair.privateKey.exposeBytes())
            usable[pair.keyID] = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: data)
        }
        self.keys = usable
    }

    /// The ids of the keys that may be used.
    package var keyIDs: Set<String> { Set(keys.keys) }

    /// Opens a box for the task and registry that it must have been made for.
    /// - Throws: `SealError` with the code `unreadable`, whatever is wrong.
    package func open(_ box: SealedBox, binding: SealBinding) throws(SealError) -> SecretBytes {
        let key = keys[box.keyID] ?? decoy
        do {
            let isShared = box.encapsulatedKey.count == SealingSuite.encapsulatedKeyBytes + 1
            if isShared, box.encapsulatedKey.last != SealingSuite.sharedExchangeMark {
                throw SealError(code: .unreadable)
            }
            var recipient = try HPKE.Recipient(
                privateKey: key,
                ciphersuite: SealingSuite.suite,
                info: SealingSuite.info,
                encapsulatedKey: Data(isShared ? box.encapsulatedKey.dropLast() : box.encapsulatedKey[...])
            )
            let data = binding.associatedData
            guard isShared else {
                return SecretBytes(Array(try recipient.open(Data(box.ciphertext), authenticating: data)))
            }
            let shared = try recipient.exportSecret(context: data, outputByteCount: SealingSuite.keyBytes)
            let tagBytes = 16
            let sealed = try ChaChaPoly.SealedBox(
                nonce: SealingSuite.zeroNonce(),
                ciphertext: Data(box.ciphertext.dropLast(tagBytes)),
                tag: Data(box.ciphertext.suffix(tagBytes))
            )
            return SecretBytes(Array(try ChaChaPoly.open(sealed, using: shared, authenticating: data)))
        } catch {
            throw SealError(code: .unreadable)
        }
    }
}
