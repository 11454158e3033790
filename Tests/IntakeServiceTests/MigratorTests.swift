import LibPQ
import Redaction
import TestSupport
import Testing

@testable import IntakeService

@Suite(.timeLimit(.minutes(2)))
struct MigratorTests {
    private func makePool(_ url: String? = nil) async throws -> PQPool {
        let url = if let url { url } else { try await PostgresServer.shared().createDatabase() }
        return PQPool(configuration: PQConfiguration(url: SecretBytes(utf8: url), maximumConnections: 10))
    }

    @Test
    func `Several that start at once apply each migration once`() async throws {
        let pool = try await makePool()
        let applied = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<6 {
                group.addTask { try await Migrator(pool: pool, logger: quietLogger).run() }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(
            applied == [
                "001_schema", "002_lost_messages", "003_delivery_hosts", "004_redelivery", "005_task_updates",
                "006_acknowledgements", "007_unknown_nodes", "008_retries",
                "009_refusals",
            ]
        )
        #expect(try await Migrator(pool: pool, logger: quietLogger).pending() == [])
        let tables = try await pool.query(
            "SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'longshore' AND tablename NOT LIKE '%\\_20%'"
        )
        #expect(try tables[0].int("n") >= 9)
        await pool.close()
    }

    @Test
    func `Nothing is kept for endpoints, which this release does not have, and services of the release before go on`()
        async throws
    {
        let pool = try await makePool()
        try await Migrator(pool: pool, logger: quietLogger).run()
        #expect(
            try await pool.query("SELECT to_regclass('longshore.webhook_endpoints') IS NULL AS gone")[0].bool("gone")
        )
        // What an intake and a notifier of that release ask for while they are being replaced.
        try await pool.query("SELECT d.id, d.event_id, d.endpoint_id, d.url FROM longshore.deliveries d")
        try await pool.query("UPDATE longshore.deliveries d SET state = 'disabled' WHERE d.endpoint_id IS NULL")
        await pool.close()
    }

    @Test
    func `A migration that was edited after it was applied is refused`() async throws {
        let pool = try await makePool()
        let first = try Migrator.Migration(name: "001_one", sql: "CREATE TABLE longshore.one (a int)")
        let second = try Migrator.Migration(name: "002_two", sql: "CREATE TABLE longshore.two (a int)")
        let migrator = Migrator(pool: pool, logger: quietLogger, migrations: [first])
        #expect(try await migrator.pending() == ["001_one"])
        #expect(try await migrator.run() == ["001_one"])
        let edited = try Migrator.Migration(name: "001_one", sql: "CREATE TABLE longshore.one (a int, b int)")
        let tampered = Migrator(pool: pool, logger: quietLogger, migrations: [edited, second])
        let error = await #expect(throws: MigrationError.self) { try await tampered.run() }
        #expect(error?.code == .changed)
        let next = Migrator(pool: pool, logger: quietLogger, migrations: [second, first])
        #expect(try await next.run() == ["002_two"])
        await pool.close()
    }

    @Test
    func `A migration that fails leaves nothing behind`() async throws {
        let pool = try await makePool()
        let good = try Migrator.Migration(name: "001_good", sql: "CREATE TABLE longshore.good (a int)")
        let bad = try Migrator.Migration(name: "002_bad", sql: "CREATE TABLE longshore.bad (a int); SELECT 1 / 0")
        let migrator = Migrator(pool: pool, logger: quietLogger, migrations: [good, bad])
        await #expect(throws: PQError.self) { try await migrator.run() }
        #expect(try await migrator.pending() == ["001_good", "002_bad"])
        #expect(try await pool.query("SELECT to_regclass('longshore.good') IS NULL AS gone")[0].bool("gone"))
        #expect(throws: MigrationError.self) { try Migrator.Migration(name: "schema", sql: "") }
        await pool.close()
    }

    @Test
    func `Intake's role may have deliveries sent again, and change nothing else of them`() async throws {
        let url = try await PostgresServer.shared().createDatabase()
        let owner = try await makePool(url)
        try await Migrator(pool: owner, logger: quietLogger).run()
        try await owner.query(
            """
            INSERT INTO longshore.deliveries (id, event_id, task_id, project, url, secret_name, body, state, attempt)
            SELECT 'd' || n, 'd' || n, 't', 'p', 'https://x.example', 's', '{}', 'exhausted', 10 FROM generate_series(1, 3) n
            """
        )
        let pool = try await makePool(url + (url.contains("?") ? "&" : "?") + "options=-c%20role%3Dlongshore_intake")
        #expect(try await pool.query("SELECT current_user::text AS name")[0].text("name") == "longshore_intake")
        let store = TaskStore(pool: pool)
        #expect(try await store.redeliver("d1") != nil)
        var filter = TaskStore.RedeliveryFilter()
        filter.project = "p"
        #expect(try await store.redeliver(filter) == 2)
        for forbidden in ["SET body = 'x'", "SET url = 'x'", "SET attempt = 0"] {
            await #expect(throws: PQError.self) { try await pool.query("UPDATE longshore.deliveries \(forbidden)") }
        }
        await pool.close()
        await owner.close()
    }

    @Test
    func `No index names what changes with a task's phase, so that such updates leave all of them alone`() async throws
    {
        let pool = try await makePool()
        try await Migrator(pool: pool, logger: quietLogger).run()
        // The columns of conditions are among an index's dependencies, too.
        let rows = try await pool.query(
            """
            SELECT DISTINCT a.attname::text AS name FROM pg_depend d
            JOIN pg_index i ON i.indexrelid = d.objid AND i.indrelid = d.refobjid
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE i.indrelid = 'longshore.tasks'::regclass
            """
        )
        let indexed = Set(try rows.map { try $0.text("name") })
        #expect(indexed.isSuperset(of: ["accepted_at", "finished_at", "message_offset"]))
        let changing = [
            "phase", "sequence", "nodes_total", "nodes_succeeded", "nodes_failed", "nodes_skipped", "nodes_pulling",
            "queued_at",
            "started_at", "updated_at", "cause", "message", "reason",
        ]
        #expect(indexed.isDisjoint(with: changing))
        await pool.close()
    }

    @Test
    func `Partitions are made ahead and old rows go`() async throws {
        let pool = try await makePool()
        try await Migrator(pool: pool, logger: quietLogger).run()
        #expect(try await pool.query("SELECT longshore.make_partitions(10) AS n")[0].int("n") == 6)
        #expect(try await pool.query("SELECT longshore.make_partitions(10) AS n")[0].int("n") == 0)
        try await pool.withConnection { connection in
            try await connection.script(
                """
                INSERT INTO longshore.task_events VALUES
                    ('old', 't', 1, 'x', now() - interval '40 days', '{}'), ('new', 't', 2, 'x', now(), '{}');
                INSERT INTO longshore.tasks (id, project, cluster, phase, priority, priority_class, source, spec, accepted_at,
                    finished_at)
                SELECT 'task-' || n, 'p', 'c', CASE WHEN n < 3 THEN 'succeeded' ELSE 'pulling' END, 5, 'normal', 'http', '{}',
                    now() - interval '50 days', CASE WHEN n < 3 THEN now() - interval '40 days' END
                FROM generate_series(1, 4) n;
                INSERT INTO longshore.task_nodes (task_id, node, phase) SELECT id, 'n', 'succeeded' FROM longshore.tasks
                """
            )
        }
        #expect(try await pool.query("SELECT longshore.remove_old(30) AS n")[0].int("n") == 2)
        let events = try await pool.query("SELECT event_id FROM longshore.task_events")
        #expect(try events.map { try $0.text(0) } == ["new"])
        let tasks = try await pool.query("SELECT id FROM longshore.tasks ORDER BY id")
        #expect(try tasks.map { try $0.text(0) } == ["task-3", "task-4"])
        #expect(try await pool.query("SELECT count(*) AS n FROM longshore.task_nodes")[0].int("n") == 2)
        await pool.close()
    }

    @Test
    func `The notifier's role reads of a task only whom to tell`() async throws {
        let pool = try await makePool()
        try await Migrator(pool: pool, logger: quietLogger).run()
        try await pool.withConnection { connection in
            try await connection.script("SET ROLE longshore_notifier")
            _ = try await connection.query("SELECT id, project, webhook_url, webhook_events FROM longshore.tasks")
            for sql in [
                "SELECT spec FROM longshore.tasks", "DELETE FROM longshore.deliveries",
                "SELECT * FROM longshore.task_nodes",
            ] {
                let error = await #expect(throws: PQError.self) { try await connection.query(sql) }
                #expect(error?.code == .authorization)
            }
            try await connection.script("RESET ROLE; SET ROLE longshore_intake")
            _ = try await connection.query("SELECT longshore.make_partitions(1), longshore.remove_old(30)")
            let error = await #expect(throws: PQError.self) {
                try await connection.query("UPDATE longshore.deliveries SET url = ''")
            }
            #expect(error?.code == .authorization)
            await connection.close()
        }
        await pool.close()
    }
}
