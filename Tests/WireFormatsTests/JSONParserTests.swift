import Testing

@testable import WireFormats

@Suite("Parsing JSON")
struct JSONParserTests {
    static let accepted: [(String, JSONValue)] = [
        ("null", nil),
        (" \t\r\ntrue ", true),
        ("false", false),
        ("0", 0),
        ("-1", -1),
        ("9223372036854775807", .integer(.max)),
        ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)),
        ("123456789012345678901234567890", .number(1.2345678901234568e29)),
        ("1.5", 1.5),
        ("-0.0", -0.0),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        ("2.5e+1", 25.0),
        (#""""#, ""),
        (#""a\"b\\c\/d\b\f\n\r\t""#, "a\"b\\c/d\u{8}\u{C}\n\r\t"),
        (#""\u00e9\u4E2D\ud83d\ude00""#, "é中😀"),
        (#""\u0000""#, "\0"),
        ("\"é中😀\"", "é中😀"),
        ("[]", []),
        ("[ 1 , [ ] , {} ]", [1, [], [:]]),
        (#"{ "a" : 1 , "b" : [ null ] }"#, ["a": 1, "b": [nil]]),
        (#"{"":{"":""}}"#, ["": ["": ""]]),
    ]

    @Test("accepts what RFC 8259 accepts", arguments: accepted)
    func accepts(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    static let refused: [(String, JSONParsingError.Reason)] = [
        ("", .unexpectedEnd), ("  ", .unexpectedEnd), ("[", .unexpectedEnd), ("{", .unexpectedEnd),
        ("[1", .unexpectedEnd),
        (#"{"a""#, .unexpectedEnd), (#"{"a":"#, .unexpectedEnd), ("\"a", .unexpectedEnd), ("\"\\", .unexpectedEnd),
        ("\"\\u12", .unexpectedEnd), ("tru", .unexpectedEnd), ("nul", .unexpectedEnd),
        ("trux", .unexpectedCharacter), ("[1,]", .unexpectedCharacter), ("{,}", .unexpectedCharacter),
        (#"{"a":1,}"#, .unexpectedCharacter), ("{a:1}", .unexpectedCharacter), ("{'a':1}", .unexpectedCharacter),
        ("[1 2]", .unexpectedCharacter), (#"{"a" 1}"#, .unexpectedCharacter), ("NaN", .unexpectedCharacter),
        ("Infinity", .unexpectedCharacter), ("+1", .unexpectedCharacter), (".5", .unexpectedCharacter),
        ("// c\n1", .unexpectedCharacter), ("\u{FEFF}1", .unexpectedCharacter), ("\u{A0}1", .unexpectedCharacter),
        ("1 2", .trailingCharacters), ("nulll", .trailingCharacters), ("{}}", .trailingCharacters),
        ("1\0", .trailingCharacters),
        ("01", .invalidNumber), ("-", .invalidNumber), ("-01", .invalidNumber), ("1.", .invalidNumber),
        ("1e", .invalidNumber),
        ("1e+", .invalidNumber), ("0x10", .trailingCharacters), ("1e999", .numberOutOfRange),
        ("-1e999", .numberOutOfRange),
        (#""\x""#, .invalidEscape), (#""\u12g4""#, .invalidEscape), (#""\U0041""#, .invalidEscape),
        (#""\ud800""#, .loneSurrogate), (#""\udc00""#, .loneSurrogate), (#""\ud800\u0041""#, .loneSurrogate),
        (#""\ud800x""#, .loneSurrogate), (#""\ud800\ud800""#, .loneSurrogate),
        ("\"a\nb\"", .controlCharacter), ("\"\0\"", .controlCharacter), ("\"\\n\u{1}\"", .controlCharacter),
        (#"{"a":1,"a":2}"#, .duplicateKey), (#"{"a":1,"\u0061":2}"#, .duplicateKey),
    ]

    @Test("refuses everything else", arguments: refused)
    func refuses(text: String, reason: JSONParsingError.Reason) throws {
        let error = #expect(throws: JSONParsingError.self) { try JSONValue(parsing: text) }
        #expect(error?.reason == reason)
    }

    @Test(
        "refuses bytes that are not UTF-8",
        arguments: [[0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]]
            as [[UInt8]]
    )
    func refusesBadUTF8(bytes: [UInt8]) {
        for prefix in ["", "\\n"] {
            let text = Array("\"\(prefix)".utf8) + bytes + Array("\"".utf8)
            let error = #expect(throws: JSONParsingError.self) { try JSONValue(parsing: text) }
            #expect(error?.reason == .invalidUTF8)
        }
    }

    @Test("counts the depth of arrays and objects together")
    func limitsDepth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"[{"a":"#, count: depth / 2) + "1" + String(repeating: "}]", count: depth / 2)
        }
        _ = try JSONValue(parsing: nested(64))
        let error = #expect(throws: JSONParsingError.self) { try JSONValue(parsing: nested(66)) }
        #expect(error?.reason == .tooDeep)
        _ = try JSONValue(parsing: nested(512), limits: .init(maximumDepth: 10_000))
        #expect(throws: JSONParsingError.self) {
            try JSONValue(parsing: String(repeating: "[", count: 1_000_000), limits: .init(maximumDepth: .max))
        }
    }

    @Test("leaves a level when it is closed")
    func depthIsNotCumulative() throws {
        let many = "[" + [String](repeating: "[{}]", count: 1_000).joined(separator: ",") + "]"
        #expect(try JSONValue(parsing: many, limits: .init(maximumDepth: 3)).array?.count == 1_000)
    }

    @Test("refuses a text over the limit before reading it")
    func limitsLength() {
        let error = #expect(throws: JSONParsingError.self) {
            try JSONValue(parsing: "          1", limits: .init(maximumBytes: 10))
        }
        #expect(error?.reason == .tooLong)
    }

    @Test("refuses NUL where the caller cannot store it")
    func refusesNUL() {
        let error = #expect(throws: JSONParsingError.self) {
            try JSONValue(parsing: #"["\u0000"]"#, limits: .init(allowsNUL: false))
        }
        #expect(error?.reason == .nulCharacter)
    }

    @Test("names the place of a fault, and not what stands there")
    func namesPlace() throws {
        let error = try #require(throws: JSONParsingError.self) {
            try JSONValue(parsing: "{\n  \"password\": hunter2\n}")
        }
        #expect(error.line == 2)
        #expect(error.offset == 16)
        #expect(!"\(error)".contains("hunter"))
        #expect("\(error)" == "unexpected character (line 2, byte 16)")
    }

    @Test("finds a duplicate among many keys")
    func findsLateDuplicate() throws {
        let members = (0..<100).map { "\"k\($0)\":\($0)" }
        let object = try JSONValue(parsing: "{\(members.joined(separator: ","))}")
        #expect(object["k99"] == 99)
        #expect(throws: JSONParsingError.self) {
            try JSONValue(parsing: "{\((members + ["\"k50\":0"]).joined(separator: ","))}")
        }
    }

    @Test(
        "passes over what is to be omitted, whatever it holds",
        arguments: [
            "null", "-1.5e3", #""x\"}]\\""#, "[]", "{}", #"[1,{"a":["}"]},"]"]"#, #"{"a":{"a":"{[\\"}}"#,
            #"{"long":"a text of more than sixteen bytes with \" a quote","and":"é 😀 beyond ASCII, also long"}"#,
        ]
    )
    func omits(value: String) throws {
        let paths = JSONPaths([["a", "b"], ["items", "a"], ["a", "b", "c"]])
        let items = #"[{"a": \#(value)}, [{"a":\#(value),"b":4}]]"#
        let text = #"{"a": {"x": 1, "b": \#(value) , "y": 2}, "b": 3, "items": \#(items)}"#
        let expected: JSONValue = ["a": ["x": 1, "y": 2], "b": 3, "items": [[:], [["b": 4]]]]
        #expect(try JSONValue(parsing: Array(text.utf8), omitting: paths) == expected)
        let outer = Array(#"{"object":\#(text)}"#.utf8)
        #expect(try JSONValue(parsing: outer, omitting: paths.within("object")) == ["object": expected])
        #expect(try JSONValue(parsing: outer, omitting: paths)["object"]?["a"]?["b"] != nil)
    }

    @Test(
        "what is omitted must end",
        arguments: [
            #"{"a":"#, #"{"a":}"#, #"{"a":,"b":1}"#, #"{"a":{"#, #"{"a":{}"#, #"{"a":"x"#, #"{"a":"\"#, #"{"a":[}"#,
            #"{"a":x}"#,
        ]
    )
    func omittedMustEnd(text: String) {
        #expect(throws: JSONParsingError.self) {
            try JSONValue(parsing: Array(text.utf8), omitting: JSONPaths([["a"]]))
        }
    }

    @Test("nesting without end may be omitted, and its end must come all the same")
    func omitsDeepNesting() throws {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        let omitted = JSONPaths([["a"]])
        #expect(try JSONValue(parsing: Array(#"{"a":\#(deep),"b":1}"#.utf8), omitting: omitted) == ["b": 1])
        #expect(throws: JSONParsingError.self) {
            try JSONValue(parsing: Array(#"{"a":\#(deep.dropLast()),"b":1}"#.utf8), omitting: omitted)
        }
    }

    @Test("never crashes on mutated texts, and reads back what it accepts")
    func survivesMutations() throws {
        let seed = Array(#"{"a":[1,-2.5e3,"x\u00e9\n",null,true],"b":{"c":"\ud83d\ude00","d":[[],{}]},"é":0}"#.utf8)
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let interesting = Array("{}[]\",:\\u0123456789eE+-.tfn\0\u{1F}".utf8) + [0x80, 0xFF]
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0...random(4) {
                switch random(3) {
                case 0: bytes[random(bytes.count)] = interesting[random(interesting.count)]
                case 1: bytes.remove(at: random(bytes.count))
                default: bytes.insert(interesting[random(interesting.count)], at: random(bytes.count))
                }
            }
            let rest = try? JSONValue(parsing: bytes, omitting: JSONPaths([["a"], ["b", "d"]]))
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect(try JSONValue(parsing: value.serialized()) == value)
            #expect(rest != nil, "what is whole is so without a part of it")
        }
    }
}
