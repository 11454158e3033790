/// Names a column of a row: by its name or by its position from 0.
package protocol PQColumn: Sendable {
    /// Finds the position among the names; nil when there is none.
    func position(count: Int, named: (String) -> Int?) -> Int?
    /// For messages.
    var columnDescription: String { get }
}

extension String: PQColumn {
    package func position(count: Int, named: (String) -> Int?) -> Int? { named(self) }
    package var columnDescription: String { self }
}

extension Int: PQColumn {
    package func position(count: Int, named: (String) -> Int?) -> Int? { (0..<count).contains(self) ? self : nil }
    package var columnDescription: String { "\(self)" }
}

/// One row of a result. Every getter throws ``PQError/Code/decoding`` when the column does not exist or holds another
/// type, and those without `OrNil` when it is NULL.
package struct PQRow: Sendable {
    let storage: PQCells
    let row: Int

    /// `text`, `varchar`, `name`, `json`, `jsonb`, `uuid`, or an integer as text.
    package func text(_ column: some PQColumn) throws(PQError) -> String {
        try require(textOrNil(column), column)
    }

    /// Like ``text(_:)``; nil when the column is NULL.
    package func textOrNil(_ column: some PQColumn) throws(PQError) -> String? {
        guard let (type, bytes) = try cell(column) else { return nil }
        switch type {
        case PQType.jsonb: return String(decoding: bytes.dropFirst(), as: UTF8.self)
        case PQType.int2, PQType.int4, PQType.int8, PQType.numeric, PQType.bool, PQType.bytea, PQType.float4,
            PQType.float8, PQType.timestamptz, PQType.timestamp:
            throw mismatch(column, "text")
        default: return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The JSON text of a `json` or `jsonb` column.
    package func json(_ column: some PQColumn) throws(PQError) -> String { try text(column) }

    /// Like ``json(_:)``; nil when the column is NULL.
    package func jsonOrNil(_ column: some PQColumn) throws(PQError) -> String? { try textOrNil(column) }

    /// `smallint`, `integer`, `bigint`, `oid`, or a `numeric` without a fraction.
    package func int(_ column: some PQColumn) throws(PQError) -> Int {
        try require(intOrNil(column), column)
    }

    /// Like ``int(_:)``; nil when the column is NULL.
    package func intOrNil(_ column: some PQColumn) throws(PQError) -> Int? {
        guard let (type, bytes) = try cell(column) else { return nil }
        switch (type, bytes.count) {
        case (PQType.int8, 8): return Int(Int64(bitPattern: bytes.bigEndianInteger()))
        case (PQType.int4, 4): return Int(Int32(truncatingIfNeeded: bytes.bigEndianInteger()))
        case (PQType.int2, 2): return Int(Int16(truncatingIfNeeded: bytes.bigEndianInteger()))
        case (PQType.oid, 4): return Int(bytes.bigEndianInteger())
        case (PQType.numeric, _):
            guard let value = decodeNumeric(bytes), let exact = Int(exactly: value) else {
                throw mismatch(column, "integer")
            }
            return exact
        default: throw mismatch(column, "integer")
        }
    }

    /// `double precision`, `real`, `numeric`, or an integer.
    package func double(_ column: some PQColumn) throws(PQError) -> Double {
        try require(doubleOrNil(column), column)
    }

    /// Like ``double(_:)``; nil when the column is NULL.
    package func doubleOrNil(_ column: some PQColumn) throws(PQError) -> Double? {
        guard let (type, bytes) = try cell(column) else { return nil }
        switch (type, bytes.count) {
        case (PQType.float8, 8): return Double(bitPattern: bytes.bigEndianInteger())
        case (PQType.float4, 4): return Double(Float(bitPattern: UInt32(bytes.bigEndianInteger())))
        case (PQType.numeric, _):
            guard let value = decodeNumeric(bytes) else { throw mismatch(column, "number") }
            return value
        default: return try intOrNil(column).map(Double.init)
        }
    }

    /// `boolean`.
    package func bool(_ column: some PQColumn) throws(PQError) -> Bool {
        try require(boolOrNil(column), column)
    }

    /// Like ``bool(_:)``; nil when the column is NULL.
    package func boolOrNil(_ column: some PQColumn) throws(PQError) -> Bool? {
        guard let (type, bytes) = try cell(column) else { return nil }
        guard type == PQType.bool, bytes.count == 1 else { throw mismatch(column, "boolean") }
        return bytes.first == 1
    }

    /// `bytea`, or the raw bytes of a text.
    package func bytes(_ column: some PQColumn) throws(PQError) -> [UInt8] {
        try require(bytesOrNil(column), column)
    }

    /// Like ``bytes(_:)``; nil when the column is NULL.
    package func bytesOrNil(_ column: some PQColumn) throws(PQError) -> [UInt8]? {
        guard let (type, bytes) = try cell(column) else { return nil }
        guard type == PQType.bytea || type == PQType.text else { throw mismatch(column, "bytea") }
        return Array(bytes)
    }

    /// `timestamptz`, in microseconds since 1970-01-01 UTC.
    package func timestamp(_ column: some PQColumn) throws(PQError) -> Int64 {
        try require(timestampOrNil(column), column)
    }

    /// Like ``timestamp(_:)``; nil when the column is NULL.
    package func timestampOrNil(_ column: some PQColumn) throws(PQError) -> Int64? {
        guard let (type, bytes) = try cell(column) else { return nil }
        guard type == PQType.timestamptz || type == PQType.timestamp, bytes.count == 8 else {
            throw mismatch(column, "timestamp")
        }
        return Int64(bitPattern: bytes.bigEndianInteger()) &+ postgresEpochMicroseconds
    }

    /// `text[]` of one dimension.
    package func textArray(_ column: some PQColumn) throws(PQError) -> [String?] {
        try require(textArrayOrNil(column), column)
    }

    /// Like ``textArray(_:)``; nil when the column is NULL.
    package func textArrayOrNil(_ column: some PQColumn) throws(PQError) -> [String?]? {
        guard let (type, bytes) = try cell(column) else { return nil }
        guard type == PQType.textArray, let elements = decodeArray(bytes) else { throw mismatch(column, "text[]") }
        return elements.map { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// `bigint[]` of one dimension.
    package func intArray(_ column: some PQColumn) throws(PQError) -> [Int64?] {
        guard let (type, bytes) = try cell(column) else { throw missing(column) }
        guard type == PQType.int8Array, let elements = decodeArray(bytes) else { throw mismatch(column, "bigint[]") }
        return elements.map { $0.map { Int64(bitPattern: $0.bigEndianInteger()) } }
    }

    /// Whether the column is NULL.
    package func isNull(_ column: some PQColumn) throws(PQError) -> Bool { try cell(column) == nil }

    private func cell(_ column: some PQColumn) throws(PQError) -> (type: UInt32, bytes: ArraySlice<UInt8>)? {
        guard let index = column.position(count: storage.names.count, named: storage.index(of:)) else {
            throw PQError(.decoding, "the result has no column \(column.columnDescription)")
        }
        return storage.cell(row: row, column: index).map { (storage.types[index], $0) }
    }

    private func require<Value>(_ value: Value?, _ column: some PQColumn) throws(PQError) -> Value {
        guard let value else { throw missing(column) }
        return value
    }

    private func missing(_ column: some PQColumn) -> PQError {
        PQError(.decoding, "the column \(column.columnDescription) is null")
    }

    private func mismatch(_ column: some PQColumn, _ expected: String) -> PQError {
        PQError(.decoding, "the column \(column.columnDescription) is not \(expected)")
    }
}

extension ArraySlice<UInt8> {
    /// At most eight bytes as one number.
    fileprivate func bigEndianInteger() -> UInt64 {
        prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The elements of a one-dimensional array in binary form; nil when it is something else.
private func decodeArray(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>?]? {
    var rest = bytes
    func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
    func takeInt32() -> Int32? { take(4).map { Int32(truncatingIfNeeded: $0.bigEndianInteger()) } }

    guard let dimensions = takeInt32(), takeInt32() != nil, takeInt32() != nil else { return nil }
    if dimensions == 0 { return [] }
    guard dimensions == 1, let count = takeInt32(), takeInt32() != nil, count >= 0, Int(count) <= bytes.count else {
        return nil
    }
    var elements: [ArraySlice<UInt8>?] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<count {
        guard let length = takeInt32() else { return nil }
        if length < 0 {
            elements.append(nil)
        } else {
            guard let element = take(Int(length)) else { return nil }
            elements.append(element)
        }
    }
    return elements
}

/// A `numeric` in binary form: digits of base 10,000, weight, sign, scale. Nil for NaN and the infinities.
private func decodeNumeric(_ bytes: ArraySlice<UInt8>) -> Double? {
    guard bytes.count >= 8 else { return nil }
    func short(_ index: Int) -> Int16 {
        let start = bytes.startIndex + index * 2
        return Int16(bitPattern: UInt16(bytes[start]) << 8 | UInt16(bytes[start + 1]))
    }
    let count = Int(short(0))
    let sign = UInt16(bitPattern: short(2))
    guard count >= 0, bytes.count >= 8 + count * 2, sign == 0 || sign == 0x4000 else { return nil }
    var value = 0.0
    for index in 0..<count { value = value * 10_000 + Double(short(4 + index)) }
    var exponent = Int(short(1)) - (count - 1)
    guard abs(exponent) < 80 else { return nil }
    while exponent > 0 {
        value *= 10_000
        exponent -= 1
    }
    while exponent < 0 {
        value /= 10_000
        exponent += 1
    }
    return sign == 0 ? value : -value
}
