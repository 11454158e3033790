package import WireFormats

/// A credential encrypted with HPKE (RFC 9180) to an executor's public key.
///
/// In JSON: `{"keyId": "…", "enc": "<base64>", "ciphertext": "<base64>"}`.
package struct SealedBox: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Which key it was sealed to, 1 to 128 letters, digits, `.`, `_`, `-`.
    package let keyID: String
    /// The encapsulated key of the HPKE exchange, at most 512 bytes.
    package let encapsulatedKey: [UInt8]
    /// The ciphertext with its authentication tag, at most 64 KiB.
    package let ciphertext: [UInt8]

    /// The most bytes of an encapsulated key.
    package static let maximumKeyBytes = 512
    /// The most bytes of a ciphertext.
    package static let maximumCiphertextBytes = 64 << 10

    /// Makes a box from its parts.
    ///
    /// - Parameters:
    ///   - keyID: Which key it was sealed to.
    ///   - encapsulatedKey: The encapsulated key of the exchange.
    ///   - ciphertext: The ciphertext with its tag.
    package init(keyID: String, encapsulatedKey: [UInt8], ciphertext: [UInt8]) {
        self.keyID = keyID
        self.encapsulatedKey = encapsulatedKey
        self.ciphertext = ciphertext
    }

    /// Reads a box that another part of Longshore has written.
    ///
    /// - Parameter json: The JSON object; unknown members are ignored.
    /// - Throws: `JSONMappingError` naming the member that is missing or wrong.
    package init(json: JSONValue) throws(JSONMappingError) {
        let keyID = try json.requiredString("keyId")
        let encapsulatedKey = try Self.bytes(json, "enc", maximum: Self.maximumKeyBytes)
        let ciphertext = try Self.bytes(json, "ciphertext", maximum: Self.maximumCiphertextBytes)
        self.init(keyID: keyID, encapsulatedKey: encapsulatedKey, ciphertext: ciphertext)
    }

    /// The JSON form.
    package var json: JSONValue {
        [
            "keyId": .string(keyID), "enc": .string(Base64.encode(encapsulatedKey)),
            "ciphertext": .string(Base64.encode(ciphertext)),
        ]
    }

    private static func bytes(_ json: JSONValue, _ key: String, maximum: Int) throws(JSONMappingError) -> [UInt8] {
        let text = try json.requiredString(key)
        guard text.utf8.count <= maximum * 4 / 3 + 4, let bytes = Base64.decode(text), !bytes.isEmpty else {
            throw JSONMappingError(pointer: JSONPointer().appending(key), expected: "base64 of 1 to \(maximum) bytes")
        }
        return bytes
    }
}
