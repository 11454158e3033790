import CLibpq

/// Reads `PGresult` handles; the caller owns and clears them.
enum PQResultHandle {
    /// What the result says went wrong; nil when nothing did.
    static func error(of result: OpaquePointer) -> PQError? {
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE, PGRES_EMPTY_QUERY, PGRES_PIPELINE_SYNC,
            PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            return nil
        case PGRES_PIPELINE_ABORTED:
            return PQError(.server, "an earlier statement of the pipeline failed")
        default:
            guard let sqlState = field(result, PG_DIAG_SQLSTATE) else {
                // No SQLSTATE: libpq itself made this result, because the connection is gone.
                let message = PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
                let line = message.split(separator: "\n").joined(separator: " ")
                return PQError(.connection, line.isEmpty ? "the connection was lost" : String(line.prefix(512)))
            }
            return PQError(
                sqlState: sqlState,
                primaryMessage: field(result, PG_DIAG_MESSAGE_PRIMARY) ?? "",
                constraint: field(result, PG_DIAG_CONSTRAINT_NAME)
            )
        }
    }

    /// Copies everything out of a result.
    static func copy(_ result: OpaquePointer) -> PQResult {
        let columns = PQnfields(result)
        let rows = PQntuples(result)
        var cells: [PQCells.Cell] = []
        var bytes: [UInt8] = []
        cells.reserveCapacity(Int(columns) * Int(rows))
        for row in 0..<rows {
            for column in 0..<columns {
                guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                    cells.append(PQCells.Cell(offset: 0, length: -1))
                    continue
                }
                let length = Int(PQgetlength(result, row, column))
                cells.append(PQCells.Cell(offset: bytes.count, length: length))
                bytes.append(contentsOf: UnsafeRawBufferPointer(start: value, count: length))
            }
        }
        let storage = PQCells(
            names: (0..<columns).map { PQfname(result, $0).map { String(cString: $0) } ?? "" },
            types: (0..<columns).map { PQftype(result, $0) },
            rowCount: Int(rows),
            cells: cells,
            bytes: bytes
        )
        return PQResult(
            storage: storage,
            affectedRows: PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0,
            commandTag: PQcmdStatus(result).map { String(cString: $0) } ?? ""
        )
    }

    private static func field(_ result: OpaquePointer, _ code: Int32) -> String? {
        PQresultErrorField(result, code).map { String(cString: $0) }
    }

    // Macros that stand for a character are not imported (postgres_ext.h).
    private static let PG_DIAG_SQLSTATE = Int32(UInt8(ascii: "C"))
    private static let PG_DIAG_MESSAGE_PRIMARY = Int32(UInt8(ascii: "M"))
    private static let PG_DIAG_CONSTRAINT_NAME = Int32(UInt8(ascii: "n"))
}
