import TestSupport
import WireFormats

/// Changes one value somewhere in a JSON tree.
struct JSONMutator {
    private let words: [String]
    private let donors: [JSONValue]

    private static let scalars: [JSONValue] = [
        .null, true, false, 0, -1, 1, 2, 11, 101, 1_001, 65_536, 604_801, .integer(Int64(Int32.max)), 2_147_483_648,
        4_294_967_296, 9_007_199_254_740_993, .integer(.max), .integer(.min), 0.5, -0.0, 1.0, 1e19, 1e300,
        .number(.leastNonzeroMagnitude),
        "", " ", "\0", "\u{7F}", "a", "é", "e\u{301}", "\u{202E}x", "😀", "null", "-1", "0", "../../x", "a/b", "~0~1",
        "9999-12-31T23:59:60-23:59", "0000-01-01T00:00:00+23:59", "AA==", "AAAA", "*", [], [:], [[]], ["": .null],
    ]

    init(words: [String], donors: [JSONValue]) {
        self.words = words + words + [FuzzTarget.canary, FuzzTarget.canary]
        self.donors = donors.flatMap { $0.descendants.prefix(200) }
    }

    /// A tree with one value changed, taken away, added or moved.
    func change(_ json: JSONValue, using generator: inout SeededGenerator) -> JSONValue {
        let target = Int.random(in: 0..<json.size, using: &generator)
        var position = 0
        return visit(json, &position, until: target) { changed($0, using: &generator) } ?? .null
    }

    /// Goes through a tree to the value number `target`; a value that becomes nothing is left out.
    private func visit(
        _ json: JSONValue,
        _ position: inout Int,
        until target: Int,
        _ body: (JSONValue) -> JSONValue?
    ) -> JSONValue? {
        defer { position += 1 }
        if position == target { return body(json) }
        switch json {
        case .null, .bool, .integer, .number, .string:
            return json
        case .array(let elements):
            return .array(elements.compactMap { visit($0, &position, until: target, body) })
        case .object(let members):
            var object = JSONObject()
            for (key, value) in members { object[key] = visit(value, &position, until: target, body) }
            return .object(object)
        }
    }

    private func changed(_ json: JSONValue, using generator: inout SeededGenerator) -> JSONValue? {
        let count = [2, 12, 65, 101, 300].randomElement(using: &generator) ?? 2
        switch Int.random(in: 0..<12, using: &generator) {
        case 0: return nil
        case 1, 2: return Self.scalars.randomElement(using: &generator)
        case 3, 4: return words.randomElement(using: &generator).map { .string($0) }
        case 5: return donors.randomElement(using: &generator)
        case 6: return .array([JSONValue](repeating: json, count: count))
        case 7: return (0..<min(count, 66)).reduce(json) { inner, _ in .array([inner]) }
        case 8: return (0..<min(count, 66)).reduce(json) { inner, _ in ["nodes": inner] }
        case 9: return json.string.map { .string(String(repeating: $0.isEmpty ? "a" : $0, count: count)) } ?? [json]
        case 10: return withMember(json, using: &generator)
        default: return withoutMember(json, using: &generator)
        }
    }

    private func withMember(_ json: JSONValue, using generator: inout SeededGenerator) -> JSONValue {
        let value = donors.randomElement(using: &generator) ?? .null
        guard case .object(var object) = json else { return .array((json.array ?? []) + [value]) }
        // Not the canary: names are shown where they can be a field's.
        let names = words.filter { $0 != FuzzTarget.canary } + object.keys
        object[names.randomElement(using: &generator) ?? "a"] = value
        return .object(object)
    }

    private func withoutMember(_ json: JSONValue, using generator: inout SeededGenerator) -> JSONValue {
        guard case .object(var object) = json, let key = object.keys.randomElement(using: &generator) else {
            return json
        }
        object.removeValue(forKey: key)
        return .object(object)
    }
}

extension JSONValue {
    /// The number of values in this tree, itself included.
    var size: Int { descendants.count }

    /// This value and all below it, each before those it holds.
    var descendants: [JSONValue] {
        var all = [self]
        for element in array ?? object?.values ?? [] { all += element.descendants }
        return all
    }

    /// How deep arrays and objects are nested: 1 for an empty one.
    var depth: Int {
        switch self {
        case .null, .bool, .integer, .number, .string: 0
        case .array(let elements): 1 + (elements.map(\.depth).max() ?? 0)
        case .object(let object): 1 + (object.values.map(\.depth).max() ?? 0)
        }
    }
}
