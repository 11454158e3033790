import Testing

@testable import WireFormats

@Suite("Mapping JSON to types")
struct JSONMappingTests {
    static let value: JSONValue = [
        "s": "x", "i": 1, "d": 1.5, "b": true, "a": [1, 2], "o": ["k": "v"], "t": "2026-01-02T03:04:05Z", "n": nil,
        "deep": ["list": [["name": "first"], ["name": 2]]],
    ]

    private struct Named: JSONDecodable, Equatable {
        var name: String
        init(json: JSONValue) throws(JSONMappingError) { name = try json.requiredString("name") }
    }

    private struct Deep: JSONDecodable {
        var list: [Named]
        init(json: JSONValue) throws(JSONMappingError) { list = try json.required("list") }
    }

    @Test("reads members of every kind")
    func reads() throws {
        #expect(try Self.value.requiredString("s") == "x")
        #expect(try Self.value.requiredInteger("i") == 1)
        #expect(try Self.value.requiredDouble("d") == 1.5)
        #expect(try Self.value.requiredDouble("i") == 1)
        #expect(try Self.value.requiredBool("b"))
        #expect(try Self.value.requiredArray("a") == [1, 2])
        #expect(try Self.value.requiredObject("o").keys == ["k"])
        #expect(try Self.value.requiredTimestamp("t").secondsSinceEpoch == 1_767_323_045)
        #expect(try Self.value.required("a", as: [Int].self) == [1, 2])
        #expect(try Self.value.required("o", as: [String: String].self) == ["k": "v"])
    }

    @Test("reads what is missing or null as nil where it may be")
    func readsOptional() throws {
        for key in ["n", "missing"] {
            #expect(try Self.value.optionalString(key) == nil)
            #expect(try Self.value.optionalInteger(key) == nil)
            #expect(try Self.value.optionalDouble(key) == nil)
            #expect(try Self.value.optionalBool(key) == nil)
            #expect(try Self.value.optionalArray(key) == nil)
            #expect(try Self.value.optionalObject(key) == nil)
            #expect(try Self.value.optionalTimestamp(key) == nil)
            #expect(throws: JSONMappingError(pointer: JSONPointer(tokens: [key]), expected: "a value")) {
                try Self.value.requiredString(key)
            }
        }
    }

    @Test("names the place and the kind of what is wrong, at any depth")
    func names() {
        #expect(throws: JSONMappingError(pointer: JSONPointer(tokens: ["s"]), expected: "a whole number")) {
            try Self.value.requiredInteger("s")
        }
        #expect(
            throws: JSONMappingError(pointer: JSONPointer(tokens: ["deep", "list", "1", "name"]), expected: "a string")
        ) {
            try Self.value.required("deep", as: Deep.self)
        }
        #expect(throws: JSONMappingError(pointer: .root, expected: "an object")) {
            try JSONValue.string("x").optionalString("a")
        }
        #expect(throws: JSONMappingError(pointer: JSONPointer(tokens: ["t"]), expected: "an RFC 3339 time")) {
            try (["t": "yesterday"] as JSONValue).requiredTimestamp("t")
        }
        #expect(
            JSONMappingError(pointer: JSONPointer(tokens: ["a"]), expected: "a string").description
                == "expected a string at /a"
        )
    }

    @Test("writes dictionaries always in the same order")
    func writesDictionaries() {
        let dictionary = Dictionary(uniqueKeysWithValues: (0..<20).map { ("k\($0)", $0) })
        #expect(dictionary.json.object?.keys == dictionary.keys.sorted())
    }
}
