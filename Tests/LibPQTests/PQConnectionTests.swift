import LibPQ
import Redaction
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct PQConnectionTests {
    @Test
    func `Every parameter type comes back as it went in`() async throws {
        try await withTestConnection { connection in
            let row = try #require(
                try await connection.query(
                    """
                    SELECT $1::bool AS b, $2::bigint AS i, $3::float8 AS d, $4::text AS t, $5::bytea AS y, $6::jsonb AS j,
                      $7::timestamptz AS z, $8::text[] AS ta, $9::bigint[] AS ia, $10::text AS n
                    """,
                    [
                        true, .int(.min), 2.5, "naïve ✓ 'quoted' \\", .bytes([0, 1, 255]), .json(#"{"a": [1, null]}"#),
                        .timestamp(microsecondsSince1970: 1_700_000_000_123_456), .textArray(["a", nil, "", "{,}\""]),
                        .intArray([1, nil, -3]), nil,
                    ]
                ).first
            )
            #expect(try row.bool("b"))
            #expect(try row.int("i") == .min)
            #expect(try row.double("d") == 2.5)
            #expect(try row.text("t") == "naïve ✓ 'quoted' \\")
            #expect(try row.bytes("y") == [0, 1, 255])
            #expect(try row.json("j") == #"{"a": [1, null]}"#)
            #expect(try row.timestamp("z") == 1_700_000_000_123_456)
            #expect(try row.textArray("ta") == ["a", nil, "", "{,}\""])
            #expect(try row.intArray("ia") == [1, nil, -3])
            #expect(try row.textOrNil("n") == nil)
            #expect(try row.textOrNil(9) == nil)
        }
    }

    @Test
    func `Arrays of every type unnest into rows`() async throws {
        try await withTestConnection { connection in
            let rows = try await connection.query(
                """
                SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::jsonb[], $5::timestamptz[], $6::bool[], $7::float8[])
                  AS r(t, i, y, j, z, b, d)
                """,
                [
                    .textArray(["x", nil]), .intArray([7, nil]), .bytesArray([[], nil]), .jsonArray(["[]", nil]),
                    .timestampArray([-1, nil]), .boolArray([false, nil]), .doubleArray([0.5, nil]),
                ]
            )
            #expect(rows.count == 2)
            #expect(try rows[0].text("t") == "x")
            #expect(try rows[0].int("i") == 7)
            #expect(try rows[0].bytes("y") == [])
            #expect(try rows[0].json("j") == "[]")
            #expect(try rows[0].timestamp("z") == -1)
            #expect(try rows[0].bool("b") == false)
            #expect(try rows[0].double("d") == 0.5)
            for column in rows.columnNames { #expect(try rows[1].isNull(column)) }
            let none = try await connection.query("SELECT * FROM unnest($1::text[])", [.textArray([])])
            #expect(none.isEmpty)
        }
    }

    @Test
    func `Numbers of all widths are read`() async throws {
        try await withTestConnection { connection in
            let row = try #require(
                try await connection.query(
                    """
                    SELECT (-2)::int2 AS a, (-70000)::int4 AS b, count(*) AS c, sum(x) AS s, avg(x) AS m, 1.5::real AS r,
                      -12345678901.25::numeric AS n, 100000000::numeric AS z
                    FROM (VALUES (1::bigint), (4)) v(x)
                    """
                ).first
            )
            #expect(try row.int("a") == -2)
            #expect(try row.int("b") == -70_000)
            #expect(try row.int("c") == 2)
            #expect(try row.int("s") == 5)
            #expect(try row.double("m") == 2.5)
            #expect(try row.double("r") == 1.5)
            #expect(try row.double("n") == -12_345_678_901.25)
            #expect(try row.int("z") == 100_000_000)
            #expect(throws: PQError.self) { try row.int("n") }
        }
    }

    @Test
    func `A column that is missing, null or of another type is a decoding error`() async throws {
        try await withTestConnection { connection in
            let row = try #require(try await connection.query("SELECT 'x' AS t, NULL::text AS n").first)
            #expect(throws: PQError(.decoding, "the column t is not integer")) { try row.int("t") }
            #expect(throws: PQError(.decoding, "the column n is null")) { try row.text("n") }
            #expect(throws: PQError(.decoding, "the result has no column other")) { try row.text("other") }
            #expect(throws: PQError(.decoding, "the result has no column 2")) { try row.text(2) }
        }
    }

    @Test
    func `Errors carry the SQLSTATE and never a value`() async throws {
        try await withTestConnection { connection in
            try await connection.script("CREATE TABLE t (id text PRIMARY KEY, n int CHECK (n > 0))")
            try await connection.query("INSERT INTO t VALUES ($1, $2)", ["s3cret-value", 1])
            func failure(_ sql: String, _ parameters: [PQParameter] = []) async throws -> PQError {
                try #require(
                    await #expect(throws: PQError.self) { try await connection.query(sql, parameters) }
                )
            }
            let duplicate = try await failure("INSERT INTO t VALUES ($1, $2)", ["s3cret-value", 1])
            #expect(duplicate.code == .uniqueViolation)
            #expect(duplicate.sqlState == "23505")
            #expect(!duplicate.isRetryable)
            let check = try await failure("INSERT INTO t VALUES ($1, $2)", ["other", -4242])
            #expect(check.code == .constraintViolation)
            let data = try await failure("SELECT $1::int", ["s3cret-value"])
            #expect(data.code == .data)
            let nul = try await failure("SELECT $1::text", ["a\0s3cret-value"])
            #expect(nul.code == .data)
            let syntax = try await failure("SELEKT 1")
            #expect(syntax.code == .syntax)
            let table = try await failure("SELECT * FROM missing")
            #expect(table.sqlState == "42P01")
            for error in [duplicate, check, data, nul] {
                #expect(!error.description.contains("s3cret") && !error.description.contains("4242"))
            }
            // The connection works on after each of them.
            #expect(try await connection.query("SELECT 1 AS one").first?.int("one") == 1)
        }
    }

    @Test
    func `A pipeline is one transaction`() async throws {
        try await withTestConnection { connection in
            try await connection.script("CREATE TABLE t (id bigint PRIMARY KEY)")
            let results = try await connection.pipeline([
                PQStatement("INSERT INTO t VALUES ($1)", [1]), PQStatement("INSERT INTO t VALUES ($1)", [2]),
                PQStatement("SELECT count(*) AS n FROM t"),
            ])
            #expect(results.map(\.affectedRows) == [1, 1, 1])
            #expect(try results[2][0].int("n") == 2)
            let error = await #expect(throws: PQError.self) {
                try await connection.pipeline([
                    PQStatement("INSERT INTO t VALUES ($1)", [3]), PQStatement("INSERT INTO t VALUES ($1)", [1]),
                    PQStatement("INSERT INTO t VALUES ($1)", [4]),
                ])
            }
            #expect(error?.code == .uniqueViolation)
            #expect(try await connection.query("SELECT count(*) AS n FROM t").first?.int("n") == 2)
        }
    }

    @Test
    func `A pipeline larger than the socket buffers does not block`() async throws {
        try await withTestConnection { connection in
            let text = String(repeating: "x", count: 200_000)
            let results = try await connection.pipeline(
                (0..<100).map { _ in PQStatement("SELECT $1::text AS t", [.text(text)]) }
            )
            #expect(results.count == 100)
            #expect(try results.last?[0].text("t").count == 200_000)
        }
    }

    @Test
    func `A transaction commits, and rolls back when its body throws`() async throws {
        struct Stop: Error {}
        try await withTestConnection { connection in
            try await connection.script("CREATE TABLE t (id bigint PRIMARY KEY)")
            try await connection.transaction { try await $0.query("INSERT INTO t VALUES (1)") }
            await #expect(throws: Stop.self) {
                try await connection.transaction { connection in
                    try await connection.query("INSERT INTO t VALUES (2)")
                    throw Stop()
                }
            }
            // A body that swallows a failure does not get a silent rollback.
            let swallowed = await #expect(throws: PQError.self) {
                try await connection.transaction { connection in
                    try await connection.query("INSERT INTO t VALUES (3)")
                    _ = try? await connection.query("INSERT INTO t VALUES (1)")
                }
            }
            #expect(swallowed?.sqlState == "25P02")
            #expect(try await connection.query("SELECT id FROM t").map { try $0.int(0) } == [1])
        }
    }

    @Test
    func `A prepared statement survives a change of its table`() async throws {
        try await withTestConnection { connection in
            try await connection.script("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
            #expect(try await connection.query("SELECT * FROM t").columnNames == ["a"])
            try await connection.script("ALTER TABLE t ADD COLUMN b int")
            #expect(try await connection.query("SELECT * FROM t").columnNames == ["a", "b"])
            try await connection.script("DEALLOCATE ALL")
            #expect(try await connection.query("SELECT * FROM t").columnNames == ["a", "b"])
        }
    }

    @Test
    func `Many different statements do not pile up at the server`() async throws {
        try await withTestConnection { connection in
            for number in 0..<600 { try await connection.query("SELECT \(number)") }
            let count = try await connection.query("SELECT count(*) AS n FROM pg_prepared_statements").first?.int("n")
            #expect(try #require(count) <= 257)
        }
    }

    @Test
    func `A statement that takes too long ends at the server and leaves the connection in order`() async throws {
        var configuration = try await makeConfiguration()
        configuration.statementTimeout = .milliseconds(300)
        let connection = try await PQConnection.connect(configuration)
        let error = await #expect(throws: PQError.self) { try await connection.query("SELECT pg_sleep(60)") }
        #expect(error?.code == .timeout)
        #expect(error?.isRetryable == true)
        #expect(try await connection.query("SELECT 1 AS one").first?.int("one") == 1)
        await connection.close()
        let closed = await #expect(throws: PQError.self) { try await connection.query("SELECT 1") }
        #expect(closed?.code == .closed)
    }

    @Test(arguments: [
        "postgres://user:hunter2hunter2@[::1", "postgres://user:hunter2hunter2@h/d?nonsense=hunter2hunter2",
    ])
    func `A connection string that cannot be used is not quoted`(url: String) async throws {
        let configuration = PQConfiguration(url: SecretBytes(utf8: url))
        let error = await #expect(throws: PQError.self) { try await PQConnection.connect(configuration) }
        #expect(error?.code == .configuration)
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test
    func `No server, an unknown database and a silent server are told apart`() async throws {
        let port = try freePort()
        let nobody = PQConfiguration(url: SecretBytes(utf8: "postgres://postgres@127.0.0.1:\(port)/x"))
        #expect(await #expect(throws: PQError.self) { try await PQConnection.connect(nobody) }?.code == .connection)
        let unknown = try await PostgresServer.shared().url(database: "no_such_database")
        let error = await #expect(throws: PQError.self) {
            try await PQConnection.connect(PQConfiguration(url: SecretBytes(utf8: unknown)))
        }
        #expect(error?.code == .authorization)
    }
}
