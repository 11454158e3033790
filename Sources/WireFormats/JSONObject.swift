/// The members of a JSON object in the order in which they were added. Equality and hashing do not depend on that order.
package struct JSONObject: Sendable {
    private var members: [(key: String, value: JSONValue)] = []
    /// Positions by key, kept only above `indexThreshold` members: below it, a scan is faster than hashing.
    private var positions: [String: Int]?
    private static let indexThreshold = 32

    /// An object without members.
    package init() {}

    /// An object with the given members; of two with the same key the later one's value stays, in the first one's place.
    package init(_ members: some Sequence<(String, JSONValue)>) {
        // With room for some that are only there at times, which are added one by one.
        self.members.reserveCapacity(members.underestimatedCount + 4)
        for (key, value) in members { self[key] = value }
    }

    /// The value of the member `key`; setting nil removes it, setting an existing one keeps its place.
    package subscript(key: String) -> JSONValue? {
        get {
            guard let position = position(of: key) else { return nil }
            return members[position].value
        }
        set {
            guard let newValue else {
                removeValue(forKey: key)
                return
            }
            if let position = position(of: key) {
                members[position].value = newValue
            } else {
                append(key, newValue)
            }
        }
    }

    /// The keys, in order.
    package var keys: [String] { members.map(\.key) }

    /// The values, in the order of their keys.
    package var values: [JSONValue] { members.map(\.value) }

    /// The number of members.
    package var count: Int { members.count }

    /// Whether there are no members.
    package var isEmpty: Bool { members.isEmpty }

    /// Removes a member and returns its value, nil when there was none.
    @discardableResult
    package mutating func removeValue(forKey key: String) -> JSONValue? {
        guard let position = position(of: key) else { return nil }
        let value = members.remove(at: position).value
        positions = nil
        buildIndexIfLarge()
        return value
    }

    /// Adds a member unless its key is there already; says whether it was added.
    mutating func appendIfAbsent(_ key: String, _ value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        append(key, value)
        return true
    }

    private func position(of key: String) -> Int? {
        if let positions { return positions[key] }
        for position in members.indices where members[position].key == key { return position }
        return nil
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        if members.isEmpty { members.reserveCapacity(4) }
        members.append((key: key, value: value))
        if positions != nil {
            positions?[key] = members.count - 1
        } else {
            buildIndexIfLarge()
        }
    }

    private mutating func buildIndexIfLarge() {
        guard members.count > Self.indexThreshold else { return }
        var built: [String: Int] = [:]
        built.reserveCapacity(members.count * 2)
        for (position, member) in members.enumerated() { built[member.key] = position }
        positions = built
    }
}

extension JSONObject: Sequence {
    package func makeIterator() -> IndexingIterator<[(key: String, value: JSONValue)]> { members.makeIterator() }

    package var underestimatedCount: Int { members.count }
}

extension JSONObject: Hashable {
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        return left.members.allSatisfy { right[$0.key] == $0.value }
    }

    package func hash(into hasher: inout Hasher) {
        // Members are combined by a sum, which does not depend on their order.
        var sum = 0
        for member in members {
            var inner = Hasher()
            inner.combine(member.key)
            inner.combine(member.value)
            sum &+= inner.finalize()
        }
        hasher.combine(sum)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
