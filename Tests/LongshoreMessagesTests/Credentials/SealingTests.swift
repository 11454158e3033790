import LongshoreDomain
import LongshoreMessages
import Redaction
import Testing
import WireFormats

@Suite("Sealing credentials")
struct SealingTests {
    static let pair = SealingKeyPair.generate()
    static let secret = SecretBytes(utf8: #"{"username":"robot","password":"hunter2-canary"}"#)
    static let binding = SealBinding(taskID: Fixtures.taskID, scopeKey: "harbor.example.com/ml")

    private static func sealer(_ pair: SealingKeyPair = pair) throws -> Sealer {
        try Sealer(publicKey: pair.publicKey, keyID: pair.keyID)
    }

    @Test("gives the secret back to the holder of the key")
    func opens() throws {
        let box = try Self.sealer().seal(Self.secret, binding: Self.binding)
        #expect(box.keyID == Self.pair.keyID)
        #expect(box.encapsulatedKey.count == 32)
        #expect(try Unsealer(keys: [Self.pair]).open(box, binding: Self.binding) == Self.secret)
        #expect(!String(decoding: box.ciphertext, as: UTF8.self).contains("canary"))
        #expect(try Self.sealer().seal(Self.secret, binding: Self.binding) != box)
    }

    @Test("shares one key exchange among the credentials of a request, each opening alone")
    func sharesExchange() throws {
        let items = (0..<5).map { index in
            (
                secret: SecretBytes(utf8: "secret-\(index)"),
                binding: SealBinding(taskID: Fixtures.taskID, scopeKey: "r\(index).example.com")
            )
        }
        let boxes = try Self.sealer().seal(items)
        #expect(Set(boxes.map(\.encapsulatedKey)).count == 1)
        #expect(Set(boxes.map(\.ciphertext)).count == 5)
        let unsealer = Unsealer(keys: [Self.pair])
        for (box, item) in zip(boxes, items).reversed() {
            #expect(try unsealer.open(box, binding: item.binding) == item.secret)
        }
        #expect(throws: SealError.self) { try unsealer.open(boxes[0], binding: items[1].binding) }
        // The exchange's own message cipher does not open it either.
        let bare = SealedBox(
            keyID: boxes[0].keyID,
            encapsulatedKey: boxes[0].encapsulatedKey.dropLast(),
            ciphertext: boxes[0].ciphertext
        )
        #expect(throws: SealError.self) { try unsealer.open(bare, binding: items[0].binding) }
    }

    @Test("never uses a key twice")
    func separatesEqualBindings() throws {
        let boxes = try Self.sealer().seal([(Self.secret, Self.binding), (Self.secret, Self.binding)])
        #expect(boxes[0].encapsulatedKey != boxes[1].encapsulatedKey)
        let unsealer = Unsealer(keys: [Self.pair])
        for box in boxes { #expect(try unsealer.open(box, binding: Self.binding) == Self.secret) }
        #expect(try Self.sealer().seal([]).isEmpty)
    }

    @Test("refuses a box that was moved, changed or made for another key, always with the same error")
    func refuses() throws {
        let box = try Self.sealer().seal(Self.secret, binding: Self.binding)
        let shared = try Self.sealer().seal([
            (Self.secret, Self.binding), (Self.secret, SealBinding(taskID: Fixtures.taskID, scopeKey: "x.example.com")),
        ])[0]
        let other = TaskIDs.derived(project: "p", idempotencyKey: "k")
        let unsealer = Unsealer(keys: [Self.pair])
        var attempts: [(SealedBox, SealBinding)] = []
        for box in [box, shared] {
            attempts += [
                (box, SealBinding(taskID: other, scopeKey: Self.binding.scopeKey)),
                (box, SealBinding(taskID: Fixtures.taskID, scopeKey: "harbor.example.com/m")),
                (
                    SealedBox(keyID: "unknown", encapsulatedKey: box.encapsulatedKey, ciphertext: box.ciphertext),
                    Self.binding
                ),
                (
                    SealedBox(
                        keyID: box.keyID,
                        encapsulatedKey: box.encapsulatedKey,
                        ciphertext: box.ciphertext.dropLast()
                    ), Self.binding
                ),
                (SealedBox(keyID: box.keyID, encapsulatedKey: box.encapsulatedKey, ciphertext: []), Self.binding),
                (SealedBox(keyID: box.keyID, encapsulatedKey: [], ciphertext: box.ciphertext), Self.binding),
                (
                    SealedBox(
                        keyID: box.keyID,
                        encapsulatedKey: [UInt8](repeating: 0, count: 32),
                        ciphertext: box.ciphertext
                    ), Self.binding
                ),
                (
                    SealedBox(
                        keyID: box.keyID,
                        encapsulatedKey: [UInt8](repeating: 1, count: 33),
                        ciphertext: box.ciphertext
                    ), Self.binding
                ),
                (
                    SealedBox(
                        keyID: box.keyID,
                        encapsulatedKey: [UInt8](repeating: 2, count: 33),
                        ciphertext: box.ciphertext
                    ), Self.binding
                ),
                (
                    SealedBox(
                        keyID: box.keyID,
                        encapsulatedKey: [UInt8](repeating: 0, count: 500),
                        ciphertext: box.ciphertext
                    ), Self.binding
                ),
            ]
            for index in box.ciphertext.indices {
                var changed = box.ciphertext
                changed[index] ^= 1
                attempts.append(
                    (
                        SealedBox(keyID: box.keyID, encapsulatedKey: box.encapsulatedKey, ciphertext: changed),
                        Self.binding
                    )
                )
            }
        }
        for (box, binding) in attempts {
            #expect(throws: SealError(code: .unreadable)) { try unsealer.open(box, binding: binding) }
        }
        let foreign = try Self.sealer(.generate()).seal(Self.secret, binding: Self.binding)
        #expect(throws: SealError(code: .unreadable)) { try unsealer.open(foreign, binding: Self.binding) }
    }

    @Test("refuses a box with any one bit of it changed")
    func refusesEveryBit() throws {
        let unsealer = Unsealer(keys: [Self.pair])
        let other = SealBinding(taskID: Fixtures.taskID, scopeKey: "x.example.com")
        let boxes = [
            try Self.sealer().seal(Self.secret, binding: Self.binding),
            try Self.sealer().seal([(Self.secret, Self.binding), (Self.secret, other)])[0],
        ]
        for box in boxes {
            for bit in 0..<(box.encapsulatedKey.count * 8) {
                var key = box.encapsulatedKey
                key[bit / 8] ^= 1 << (bit % 8)
                let changed = SealedBox(keyID: box.keyID, encapsulatedKey: key, ciphertext: box.ciphertext)
                #expect(throws: SealError(code: .unreadable)) { try unsealer.open(changed, binding: Self.binding) }
            }
            for bit in 0..<(box.ciphertext.count * 8) {
                var text = box.ciphertext
                text[bit / 8] ^= 1 << (bit % 8)
                let changed = SealedBox(keyID: box.keyID, encapsulatedKey: box.encapsulatedKey, ciphertext: text)
                #expect(throws: SealError(code: .unreadable)) { try unsealer.open(changed, binding: Self.binding) }
            }
        }
    }

    @Test("takes as long to refuse a box for an unknown key as one that was moved or changed")
    func refusesInTheSameTime() throws {
        let box = try Self.sealer().seal(Self.secret, binding: Self.binding)
        let unsealer = Unsealer(keys: [Self.pair])
        var text = box.ciphertext
        text[0] ^= 1
        let attempts: [(SealedBox, SealBinding)] = [
            (box, SealBinding(taskID: TaskIDs.derived(project: "p", idempotencyKey: "k"), scopeKey: "h.io")),
            (SealedBox(keyID: box.keyID, encapsulatedKey: box.encapsulatedKey, ciphertext: text), Self.binding),
            (
                SealedBox(keyID: "0011223344556677", encapsulatedKey: box.encapsulatedKey, ciphertext: box.ciphertext),
                Self.binding
            ),
        ]
        // The shortest of many runs is what the work itself takes, however busy the machine is.
        let times = attempts.map { box, binding in
            (0..<60).map { _ in ContinuousClock().measure { _ = try? unsealer.open(box, binding: binding) } }.min()
        }
        let shortest = try #require(times.compactMap(\.self).min())
        let longest = try #require(times.compactMap(\.self).max())
        #expect(longest < shortest * 4, "\(times)")
    }

    @Test("opens with older keys as long as they are held")
    func rotation() throws {
        let old = SealingKeyPair.generate()
        let box = try Self.sealer(old).seal(Self.secret, binding: Self.binding)
        #expect(try Unsealer(keys: [Self.pair, old]).open(box, binding: Self.binding) == Self.secret)
        #expect(throws: SealError.self) { try Unsealer(keys: [Self.pair]).open(box, binding: Self.binding) }
        #expect(Unsealer(keys: [Self.pair, old]).keyIDs == [Self.pair.keyID, old.keyID])
    }

    @Test("takes a key pair up from its private key, and names it by its public key")
    func keyPairs() throws {
        let again = try #require(SealingKeyPair(privateKey: Self.pair.privateKey))
        #expect(again == Self.pair)
        #expect(again.keyID == SealingKeyPair.keyID(of: Self.pair.publicKey))
        #expect(SealingKeyPair(privateKey: SecretBytes([1, 2, 3])) == nil)
        #expect(SealingKeyPair.generate() != Self.pair)
        #expect(!"\(Self.pair)".contains(Hex.encode(Self.pair.privateKey.exposeBytes())))
        #expect("\(Self.pair)".contains("<redacted>"))
    }

    @Test(
        "refuses a public key that is none",
        arguments: [[], [1], [UInt8](repeating: 0, count: 31), [UInt8](repeating: 0, count: 33)] as [[UInt8]]
    )
    func badPublicKey(bytes: [UInt8]) {
        #expect(throws: SealError(code: .invalidKey)) { try Sealer(publicKey: bytes, keyID: "x") }
    }

    @Test(
        "refuses a public key whose shared secret anyone knows",
        arguments: [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ]
    )
    func degenerateKey(hexadecimal: String) throws {
        let bytes = try #require(Hex.decode(hexadecimal))
        #expect(throws: SealError(code: .invalidKey)) { try Sealer(publicKey: bytes, keyID: "x") }
    }
}
