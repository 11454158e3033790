/// Lays rows out in columns, as kubectl does.
struct TextTable {
    private let header: [String]
    private var rows: [[String]] = []

    init(_ header: String...) { self.header = header }

    init(header: [String]) { self.header = header }

    var isEmpty: Bool { rows.isEmpty }

    /// Adds a row; cells that are missing are empty.
    mutating func add(_ cells: [String]) { rows.append(cells.map(Console.printable)) }

    /// Adds a row; cells that are missing are empty.
    mutating func add(_ cells: String...) { add(cells) }

    /// The lines, the header first, without spaces at their ends.
    var lines: [String] {
        let all = [header] + rows
        let widths = header.indices.map { column in
            all.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return all.map { cells in
            var line = ""
            for (column, cell) in cells.prefix(header.count).enumerated() {
                line += cell
                if column < cells.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 3) }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
