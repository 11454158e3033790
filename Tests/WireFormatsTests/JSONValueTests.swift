import Testing

@testable import WireFormats

@Suite("JSON values")
struct JSONValueTests {
    @Test("are written compactly, in their own order")
    func writesCompactly() {
        let value: JSONValue = ["b": 1, "a": [true, nil, 1.5, "x"], "c": [:], "d": []]
        #expect(value.text() == #"{"b":1,"a":[true,null,1.5,"x"],"c":{},"d":[]}"#)
        #expect(value.text(sortedKeys: true) == #"{"a":[true,null,1.5,"x"],"b":1,"c":{},"d":[]}"#)
    }

    @Test("are written with indentation on request")
    func writesPretty() {
        let value: JSONValue = ["a": [1, 2], "b": [:]]
        #expect(value.text(pretty: true) == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}")
    }

    @Test("escape what must be escaped and nothing else")
    func escapes() {
        #expect(
            JSONValue.string("\"\\/\u{8}\u{C}\n\r\t\u{1}\u{1F}é😀\u{7F}").text()
                == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001fé😀\u{7F}\""
        )
    }

    @Test(
        "write numbers so that they come back",
        arguments: [0.1, 1e300, 2.2250738585072014e-308, -1.0, 1e15, 123_456_789.123]
    )
    func writesNumbers(number: Double) throws {
        #expect(try JSONValue(parsing: JSONValue.number(number).text()).double == number)
    }

    @Test("write what JSON has no number for as null", arguments: [Double.nan, .infinity, -.infinity])
    func writesNonFinite(number: Double) {
        #expect(JSONValue.number(number).text() == "null")
    }

    @Test("write integers exactly", arguments: [Int64.min, -10, -1, 0, 9, 10, .max])
    func writesIntegers(integer: Int64) {
        #expect(JSONValue.integer(integer).text() == String(integer))
    }

    @Test("give their content only as what they are")
    func gives() {
        let values: [JSONValue] = [nil, true, 1, 1.5, "x", [1], ["a": 1]]
        #expect(values.map(\.isNull) == [true, false, false, false, false, false, false])
        #expect(values.map(\.bool) == [nil, true, nil, nil, nil, nil, nil])
        #expect(values.map(\.integer) == [nil, nil, 1, nil, nil, nil, nil])
        #expect(values.map(\.double) == [nil, nil, 1, 1.5, nil, nil, nil])
        #expect(values.map(\.string) == [nil, nil, nil, nil, "x", nil, nil])
        #expect(values.map(\.array) == [nil, nil, nil, nil, nil, [1], nil])
        #expect(values.map(\.object?.keys) == [nil, nil, nil, nil, nil, nil, ["a"]])
        #expect(values.map(\.kindName) == ["null", "boolean", "number", "number", "string", "array", "object"])
        #expect(JSONValue.number(3).integer == 3)
        #expect(JSONValue.number(1e300).integer == nil)
    }

    @Test("are reached and changed by key, index and path")
    func subscripts() {
        var value: JSONValue = ["a": ["b": [10, 20]]]
        #expect(value["a"]?["b"]?[1] == 20)
        #expect(value["a"]?["b"]?[2] == nil)
        #expect(value["a"]?["b"]?[-1] == nil)
        #expect(value[path: "a", "b"] == [10, 20])
        #expect(value[path: "a", "c", "d"] == nil)
        value["a"]?["c"] = "new"
        #expect(value.text() == #"{"a":{"b":[10,20],"c":"new"}}"#)
        value["a"] = nil
        #expect(value == [:])
        var text: JSONValue = "text"
        text["k"] = 1
        #expect(text == ["k": 1])
    }

    @Test("do not depend on the order of members for equality")
    func equality() {
        let left: JSONValue = ["a": 1, "b": 2]
        let right: JSONValue = ["b": 2, "a": 1]
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(left != ["a": 1, "b": 3])
        #expect(left != ["a": 1])
    }

    @Test("keep the place of a member that is set again, in small and large objects", arguments: [3, 40])
    func objects(count: Int) {
        var object = JSONObject()
        for index in 0..<count { object["k\(index)"] = .integer(Int64(index)) }
        object["k1"] = "changed"
        #expect(object.count == count)
        #expect(object.keys[1] == "k1")
        #expect(object.removeValue(forKey: "k0") == 0)
        #expect(object.removeValue(forKey: "k0") == nil)
        #expect(object["k1"] == "changed")
        #expect(object["k\(count - 1)"] == .integer(Int64(count - 1)))
        #expect(object.keys.count == count - 1)
        #expect(object.map(\.key) == object.keys)
    }
}
