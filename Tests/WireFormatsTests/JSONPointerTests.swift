import Testing

@testable import WireFormats

@Suite("JSON pointers")
struct JSONPointerTests {
    /// The document and the pointers of RFC 6901 §5.
    static let document: JSONValue = [
        "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
    ]
    static let examples: [(String, JSONValue)] = [
        ("", document), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ("/k\"l", 6), ("/ ", 7), ("/m~0n", 8),
    ]

    @Test("find what RFC 6901 says they find", arguments: examples)
    func find(text: String, value: JSONValue) throws {
        let pointer = try #require(JSONPointer(parsing: text))
        #expect(Self.document.value(at: pointer) == value)
        #expect(pointer.description == text)
    }

    @Test(
        "find nothing where there is nothing",
        arguments: ["/foo/2", "/foo/-", "/foo/00", "/foo/-1", "/foo/0/x", "/no", "/foo/+1"]
    )
    func findNothing(text: String) throws {
        #expect(Self.document.value(at: try #require(JSONPointer(parsing: text))) == nil)
    }

    @Test("are refused in any other form", arguments: ["foo", "#/foo", "/~", "/~2", "/a~"])
    func refuse(text: String) {
        #expect(JSONPointer(parsing: text) == nil)
    }

    @Test("are built step by step")
    func build() {
        let pointer = JSONPointer.root.appending("images").appending(3).appending("a/b~c")
        #expect(pointer.description == "/images/3/a~1b~0c")
        #expect(pointer.tokens == ["images", "3", "a/b~c"])
        #expect(JSONPointer.root.description == "")
        #expect(JSONPointer.root.appending("x").appending(pointer).description == "/x/images/3/a~1b~0c")
    }
}
