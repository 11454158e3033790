/// The rows that a statement returned.
///
/// Thread safety: a value; all cells are copied out of libpq's memory.
package struct PQResult: Sendable, RandomAccessCollection {
    /// Rows inserted, updated, deleted or selected, as the server counts them.
    package let affectedRows: Int
    /// The columns' names, in order.
    package var columnNames: [String] { storage.names }
    /// The command as the server names it, for instance `INSERT 0 1`.
    let commandTag: String

    private let storage: PQCells

    init(storage: PQCells, affectedRows: Int, commandTag: String) {
        self.storage = storage
        self.affectedRows = affectedRows
        self.commandTag = commandTag
    }

    /// The rows; the result is a collection of them itself.
    package var rows: PQResult { self }
    package var startIndex: Int { 0 }
    package var endIndex: Int { storage.rowCount }
    package subscript(position: Int) -> PQRow { PQRow(storage: storage, row: position) }
}

/// All cells of a result in one buffer.
final class PQCells: Sendable {
    struct Cell: Sendable {
        var offset: Int
        /// -1 is NULL.
        var length: Int
    }

    let names: [String]
    let types: [UInt32]
    let rowCount: Int
    let cells: [Cell]
    let bytes: [UInt8]
    private let indices: [String: Int]

    init(names: [String], types: [UInt32], rowCount: Int, cells: [Cell], bytes: [UInt8]) {
        self.names = names
        self.types = types
        self.rowCount = rowCount
        self.cells = cells
        self.bytes = bytes
        indices = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
    }

    func index(of column: String) -> Int? { indices[column] }

    func cell(row: Int, column: Int) -> ArraySlice<UInt8>? {
        let cell = cells[row * names.count + column]
        return cell.length < 0 ? nil : bytes[cell.offset..<cell.offset + cell.length]
    }
}
