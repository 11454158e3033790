import Testing

@testable import WireFormats

@Suite("Base64")
struct Base64Tests {
    /// RFC 4648 §10.
    static let vectors = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]

    @Test("follows the RFC's examples", arguments: vectors)
    func followsExamples(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
        #expect(Base64.encodeURL(Array(plain.utf8)) == encoded.filter { $0 != "=" })
    }

    @Test("gives every sequence of bytes back")
    func roundTrip() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ length) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decodeURL(Base64.encodeURL(bytes)) == bytes)
        }
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
        #expect(Base64.encodeURL([0xFB, 0xFF]) == "-_8")
    }

    @Test(
        "refuses sloppy texts",
        arguments: ["Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "-_8=", "=", "====", "Zé==", "Z=g="]
    )
    func refuse(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("refuses padding and the other alphabet in its URL form", arguments: ["Zg==", "+/8", "Zh", "Z"])
    func refuseURL(text: String) {
        #expect(Base64.decodeURL(text) == nil)
    }
}

@Suite("Hexadecimal")
struct HexTests {
    @Test("goes both ways")
    func roundTrip() {
        #expect(Hex.encode([0, 0x0F, 0xA5, 0xFF]) == "000fa5ff")
        #expect(Hex.decode("000fA5Ff") == [0, 0x0F, 0xA5, 0xFF])
        #expect(Hex.decode("") == [])
    }

    @Test("refuses anything else", arguments: ["0", "0g", "0x00", " 00", "é", "-1"])
    func refuse(text: String) {
        #expect(Hex.decode(text) == nil)
    }
}
