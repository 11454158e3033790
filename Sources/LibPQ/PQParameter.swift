/// A typed value for a statement. The type's OID and the binary form go over the wire, so nothing is ever quoted.
package enum PQParameter: Sendable, Equatable {
    /// SQL NULL; its type is taken from the statement.
    case null
    /// `boolean`.
    case bool(Bool)
    /// `bigint`; assigned to smaller integer columns with a range check by the server.
    case int(Int64)
    /// `double precision`.
    case double(Double)
    /// `text`. A NUL character is refused by the server with ``PQError/Code/data``.
    case text(String)
    /// `bytea`.
    case bytes([UInt8])
    /// `jsonb`, given as JSON text.
    case json(String)
    /// `timestamptz`, in microseconds since 1970-01-01 UTC.
    case timestamp(microsecondsSince1970: Int64)
    /// `text[]`.
    case textArray([String?])
    /// `bigint[]`.
    case intArray([Int64?])
    /// `double precision[]`.
    case doubleArray([Double?])
    /// `bytea[]`.
    case bytesArray([[UInt8]?])
    /// `jsonb[]`, each element as JSON text.
    case jsonArray([String?])
    /// `timestamptz[]`, in microseconds since 1970-01-01 UTC.
    case timestampArray([Int64?])
    /// `boolean[]`.
    case boolArray([Bool?])

    /// A text or NULL.
    package static func text(orNull value: String?) -> PQParameter { value.map { .text($0) } ?? .null }
    /// An integer or NULL.
    package static func int(orNull value: Int?) -> PQParameter { value.map { .int(Int64($0)) } ?? .null }
    /// A byte string or NULL.
    package static func bytes(orNull value: [UInt8]?) -> PQParameter { value.map { .bytes($0) } ?? .null }
    /// A JSON text or NULL.
    package static func json(orNull value: String?) -> PQParameter { value.map { .json($0) } ?? .null }
    /// A point in time or NULL.
    package static func timestamp(orNull microsecondsSince1970: Int64?) -> PQParameter {
        microsecondsSince1970.map { .timestamp(microsecondsSince1970: $0) } ?? .null
    }
}

extension PQParameter: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
}

/// A statement and its parameters (`$1`, `$2`, …).
package struct PQStatement: Sendable, Equatable {
    /// One SQL statement.
    package var sql: String
    /// The values of its parameters, at most 65,535.
    package var parameters: [PQParameter]

    /// Makes a statement.
    ///
    /// - Parameters:
    ///   - sql: One SQL statement; it is also the key of the connection's cache of prepared statements, so keep it constant.
    ///   - parameters: The values of its parameters.
    package init(_ sql: String, _ parameters: [PQParameter] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}

// MARK: - Wire form

/// Microseconds between 1970-01-01 and PostgreSQL's own epoch, 2000-01-01.
let postgresEpochMicroseconds: Int64 = 946_684_800_000_000

/// The type OIDs (PostgreSQL, `pg_type.dat`) that are read or written in binary. They are fixed.
enum PQType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let json: UInt32 = 114
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let timestamptz: UInt32 = 1184
    static let timestamp: UInt32 = 1114
    static let numeric: UInt32 = 1700
    static let uuid: UInt32 = 2950
    static let jsonb: UInt32 = 3802
    static let boolArray: UInt32 = 1000
    static let byteaArray: UInt32 = 1001
    static let textArray: UInt32 = 1009
    static let int8Array: UInt32 = 1016
    static let float8Array: UInt32 = 1022
    static let timestamptzArray: UInt32 = 1185
    static let jsonbArray: UInt32 = 3807
}

extension PQParameter {
    /// The type's OID; 0 lets the server infer it.
    var typeOID: UInt32 {
        switch self {
        case .null: 0
        case .bool: PQType.bool
        case .int: PQType.int8
        case .double: PQType.float8
        case .text: PQType.text
        case .bytes: PQType.bytea
        case .json: PQType.jsonb
        case .timestamp: PQType.timestamptz
        case .textArray: PQType.textArray
        case .intArray: PQType.int8Array
        case .doubleArray: PQType.float8Array
        case .bytesArray: PQType.byteaArray
        case .jsonArray: PQType.jsonbArray
        case .timestampArray: PQType.timestamptzArray
        case .boolArray: PQType.boolArray
        }
    }

    /// Appends the binary form. ``PQParameter/null`` has none.
    func encode(into buffer: inout [UInt8]) {
        switch self {
        case .null: break
        case .bool(let value): buffer.append(value ? 1 : 0)
        case .int(let value): buffer.append(bigEndian: value)
        case .double(let value): buffer.append(bigEndian: value.bitPattern)
        case .text(let value): buffer.append(contentsOf: value.utf8)
        case .bytes(let value): buffer.append(contentsOf: value)
        case .json(let value): Self.encodeJSON(value, into: &buffer)
        case .timestamp(let value): buffer.append(bigEndian: value &- postgresEpochMicroseconds)
        case .textArray(let values):
            buffer.append(array: values, of: PQType.text) { $1.append(contentsOf: $0.utf8) }
        case .intArray(let values):
            buffer.append(array: values, of: PQType.int8) { $1.append(bigEndian: $0) }
        case .doubleArray(let values):
            buffer.append(array: values, of: PQType.float8) { $1.append(bigEndian: $0.bitPattern) }
        case .bytesArray(let values):
            buffer.append(array: values, of: PQType.bytea) { $1.append(contentsOf: $0) }
        case .jsonArray(let values):
            buffer.append(array: values, of: PQType.jsonb) { Self.encodeJSON($0, into: &$1) }
        case .timestampArray(let values):
            buffer.append(array: values, of: PQType.timestamptz) {
                $1.append(bigEndian: $0 &- postgresEpochMicroseconds)
            }
        case .boolArray(let values):
            buffer.append(array: values, of: PQType.bool) { $1.append($0 ? 1 : 0) }
        }
    }

    /// The binary form of `jsonb` is a version byte, 1, and the text.
    private static func encodeJSON(_ text: String, into buffer: inout [UInt8]) {
        buffer.append(1)
        buffer.append(contentsOf: text.utf8)
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    /// The binary form of a one-dimensional array: dimensions, null flag, element type, length, lower bound, elements.
    fileprivate mutating func append<Item>(
        array: [Item?],
        of type: UInt32,
        _ encode: (Item, inout [UInt8]) -> Void
    ) {
        append(bigEndian: Int32(array.isEmpty ? 0 : 1))
        append(bigEndian: Int32(array.contains { $0 == nil } ? 1 : 0))
        append(bigEndian: type)
        guard !array.isEmpty else { return }
        append(bigEndian: Int32(array.count))
        append(bigEndian: Int32(1))
        for element in array {
            guard let element else {
                append(bigEndian: Int32(-1))
                continue
            }
            let start = count
            append(bigEndian: Int32(0))
            encode(element, &self)
            let length = Int32(count - start - 4)
            Swift.withUnsafeBytes(of: length.bigEndian) { bytes in
                for (index, byte) in bytes.enumerated() { self[start + index] = byte }
            }
        }
    }
}
