import CLibpq

/// Statements with parameters. All go through libpq's pipeline mode, so preparing and executing, or a whole batch, cost
/// one round trip; outside a transaction the batch is one implicit transaction.
extension PQHandle {
    /// What was sent, in the order in which results come back.
    private enum Step {
        case prepare(PreparedStatements.Key, name: String)
        case execute(index: Int, PreparedStatements.Key)
    }

    func run(_ batch: [PQStatement], timeout: Duration) throws(PQError) -> [PQResult] {
        guard !batch.isEmpty else { return [] }
        do throws(PQError) {
            return try runOnce(batch, timeout: timeout)
        } catch let error where isStale(error) && isIdle {
            // The table changed under a prepared statement, or something between us and the server (a transaction pooler)
            // forgot it. Nothing has happened yet, since the batch is one transaction.
            try script("DEALLOCATE ALL", timeout: timeout)
            statements.removeAll()
            return try runOnce(batch, timeout: timeout)
        }
    }

    private func isStale(_ error: PQError) -> Bool {
        error.sqlState == "26000" || (error.sqlState == "0A000" && error.message.contains("cached plan"))
    }

    private func runOnce(_ batch: [PQStatement], timeout: Duration) throws(PQError) -> [PQResult] {
        let connection = try open()
        let deadline = ContinuousClock.now + timeout
        if statements.isFull, isIdle {
            try script("DEALLOCATE ALL", timeout: timeout)
            statements.removeAll()
        }
        guard PQenterPipelineMode(connection) == 1 else { throw connectionError() }
        let steps = try send(batch, connection)
        guard PQpipelineSync(connection) == 1 else { throw connectionError() }
        try flush(connection, deadline: deadline)
        let outcome = try collect(steps, count: batch.count, connection, deadline: deadline)
        guard PQexitPipelineMode(connection) == 1 else {
            finish()
            throw PQError(.connection, "the pipeline did not end")
        }
        return try outcome.get()
    }

    private func send(_ batch: [PQStatement], _ connection: OpaquePointer) throws(PQError) -> [Step] {
        var steps: [Step] = []
        var fresh: [PreparedStatements.Key: String] = [:]
        for (index, statement) in batch.enumerated() {
            guard statement.parameters.count <= Int(UInt16.max), !statement.sql.utf8.contains(0) else {
                finish()
                throw PQError(.syntax, "the statement cannot be sent")
            }
            let key = PreparedStatements.Key(sql: statement.sql, types: statement.parameters.map(\.typeOID))
            let name: String
            if let known = statements.name(for: key) ?? fresh[key] {
                name = known
            } else {
                name = statements.makeName()
                fresh[key] = name
                guard PQsendPrepare(connection, name, key.sql, Int32(key.types.count), key.types) == 1 else {
                    throw connectionError()
                }
                steps.append(.prepare(key, name: name))
            }
            guard sendExecute(connection, name, statement.parameters) else { throw connectionError() }
            steps.append(.execute(index: index, key))
        }
        return steps
    }

    private func sendExecute(_ connection: OpaquePointer, _ name: String, _ parameters: [PQParameter]) -> Bool {
        var buffer: [UInt8] = []
        var ranges: [Range<Int>?] = []
        for parameter in parameters {
            let start = buffer.count
            parameter.encode(into: &buffer)
            ranges.append(parameter == .null ? nil : start..<buffer.count)
        }
        // An empty value needs a pointer too: NULL would mean SQL NULL.
        buffer.append(0)
        let lengths = ranges.map { Int32($0?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: parameters.count)
        return buffer.withUnsafeBytes { bytes in
            let values = ranges.map { range in
                range.flatMap { bytes.baseAddress?.advanced(by: $0.lowerBound).assumingMemoryBound(to: CChar.self) }
            }
            return PQsendQueryPrepared(connection, name, Int32(parameters.count), values, lengths, formats, 1) == 1
        }
    }

    /// Reads the results up to the end of the pipeline. The outer error means a lost connection, the inner one a
    /// statement that failed.
    private func collect(
        _ steps: [Step],
        count: Int,
        _ connection: OpaquePointer,
        deadline: ContinuousClock.Instant
    ) throws(PQError) -> Result<[PQResult], PQError> {
        var results = [PQResult?](repeating: nil, count: count)
        var failure: PQError?
        var position = 0
        while true {
            guard let result = try nextResult(connection, deadline: deadline) else {
                guard PQstatus(connection) == CONNECTION_OK, position < steps.count else {
                    throw failure.flatMap { $0.code == .connection ? $0 : nil } ?? connectionError()
                }
                position += 1
                continue
            }
            defer { PQclear(result) }
            if PQresultStatus(result) == PGRES_PIPELINE_SYNC { break }
            guard position < steps.count else { throw PQError(.connection, "a result came that belongs to nothing") }
            if let error = PQResultHandle.error(of: result) {
                // After the first failure the server skips the rest of the pipeline.
                if failure == nil { failure = error }
                if case .execute(_, let key) = steps[position], isStale(error) { statements.remove(key) }
                continue
            }
            switch steps[position] {
            case .prepare(let key, let name): statements.insert(key, name: name)
            case .execute(let index, _): results[index] = PQResultHandle.copy(result)
            }
        }
        if let failure { return .failure(failure) }
        let complete = results.compactMap { $0 }
        guard complete.count == count else { throw PQError(.connection, "the server answered too few statements") }
        return .success(complete)
    }
}
