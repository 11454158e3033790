import Testing

@testable import Redaction

@Suite("Secret bytes")
struct SecretBytesTests {
    private struct Holder {
        var name = "robot"
        var password: SecretBytes
        var optional: SecretBytes?
    }

    @Test("print as redacted in every way a value can be printed")
    func printsNothing() {
        let secret = SecretBytes(utf8: "hunter2-canary")
        let holder = Holder(password: secret, optional: secret)
        var dumped = ""
        dump(holder, to: &dumped)
        dump(secret, to: &dumped)
        let bytes = "\(Array("hunter2".utf8))".dropFirst().dropLast()
        for text in [
            "\(secret)", "\(holder)", String(reflecting: secret), String(reflecting: holder), "\([secret])",
            "\(["a": secret])", dumped,
        ] {
            #expect(!text.contains("hunter2"))
            #expect(!text.contains(bytes))
            #expect(text.contains("<redacted>") || text.contains("SecretBytes"))
        }
        #expect("\(secret)" == "<redacted>")
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test("give back what was put in, when asked by name")
    func exposes() {
        #expect(SecretBytes(utf8: "pässword").exposeUTF8() == "pässword")
        #expect(SecretBytes([0xFF, 0x00]).exposeBytes() == [0xFF, 0x00])
        #expect(SecretBytes([0xFF]).exposeUTF8() == nil)
        #expect(SecretBytes([]).isEmpty)
        #expect(SecretBytes(utf8: "é").count == 2)
    }

    @Test("compare by content")
    func compares() {
        #expect(SecretBytes(utf8: "abc") == SecretBytes(utf8: "abc"))
        #expect(SecretBytes(utf8: "abc") != SecretBytes(utf8: "abd"))
        #expect(SecretBytes(utf8: "abc") != SecretBytes(utf8: "abcd"))
        #expect(SecretBytes([]) == SecretBytes([]))
    }

    @Test("leave the caller's array alone")
    func leavesInput() {
        let bytes = Array("keep me".utf8)
        do { _ = SecretBytes(bytes) }
        #expect(bytes == Array("keep me".utf8))
    }
}
