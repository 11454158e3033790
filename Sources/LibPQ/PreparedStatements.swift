/// Which statements a connection has prepared, by text and parameter types.
///
/// Names are never used twice on a connection, so a statement that failed to be prepared leaves no ambiguity.
struct PreparedStatements {
    /// A statement with other parameter types is another statement for the server.
    struct Key: Hashable {
        var sql: String
        var types: [UInt32]
    }

    /// Beyond this many, all are dropped at once: statement texts are meant to be constants of the program.
    static let limit = 256

    private var names: [Key: String] = [:]
    private var next = 0

    var isFull: Bool { names.count >= Self.limit }

    func name(for key: Key) -> String? { names[key] }

    mutating func makeName() -> String {
        next += 1
        return "longshore_\(next)"
    }

    mutating func insert(_ key: Key, name: String) { names[key] = name }

    mutating func remove(_ key: Key) { names[key] = nil }

    mutating func removeAll() { names = [:] }
}
