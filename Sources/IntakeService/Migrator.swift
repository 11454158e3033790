import Crypto
package import LibPQ
package import Logging
import Migrations
import WireFormats

/// Brings the database to the schema that this binary was built with. Forward only.
///
/// All missing migrations are applied in one transaction under an advisory lock, so any number of processes may start at
/// the same time and none of them ever sees half a schema. A migration that was applied and has another text now is an
/// error: the text of a released migration never changes.
package struct Migrator: Sendable {
    /// One migration.
    package struct Migration: Sendable, Equatable {
        /// Rises from 1; the number at the start of the name.
        package let version: Int
        /// The file's name without its extension.
        package let name: String
        /// The statements.
        package let sql: String

        /// Makes a migration.
        ///
        /// - Parameters:
        ///   - name: Begins with the version, for instance `001_schema`.
        ///   - sql: The statements.
        /// - Throws: ``MigrationError`` when the name has no version.
        package init(name: String, sql: String) throws(MigrationError) {
            guard let version = Int(name.prefix { $0.isNumber }), version > 0 else {
                throw MigrationError(code: .malformed, message: "the migration \(name) has no version")
            }
            self.version = version
            self.name = name
            self.sql = sql
        }

        /// SHA-256 of the statements, in hexadecimal.
        package var checksum: String { Hex.encode(SHA256.hash(data: Array(sql.utf8))) }
    }

    private let pool: PQPool
    private let logger: Logger
    private let migrations: [Migration]

    /// Makes a migrator of the migrations in the binary.
    ///
    /// - Parameters:
    ///   - pool: Whose account may create the schema.
    ///   - logger: Told which migrations are applied.
    /// - Throws: ``MigrationError`` when a migration has no version.
    package init(pool: PQPool, logger: Logger) throws(MigrationError) {
        var migrations: [Migration] = []
        for (name, sql) in Migrations.all { migrations.append(try Migration(name: name, sql: sql)) }
        self.init(pool: pool, logger: logger, migrations: migrations)
    }

    init(pool: PQPool, logger: Logger, migrations: [Migration]) {
        self.pool = pool
        self.logger = logger
        self.migrations = migrations.sorted { $0.version < $1.version }
    }

    /// Applies what is missing.
    ///
    /// - Returns: The names of the migrations that were applied now.
    /// - Throws: ``MigrationError`` when an applied migration has changed; `PQError` for everything else. Nothing is
    ///   changed then.
    @discardableResult
    package func run() async throws -> [String] {
        try await pool.withConnection { connection in
            try await connection.transaction { connection in
                // A migration of a large table may take its time; whoever waits for it must wait as long.
                try await connection.script("SET LOCAL statement_timeout = '30min'; SET LOCAL lock_timeout = '30min'")
                try await connection.query(
                    "SELECT pg_advisory_xact_lock($1)",
                    [.int(Self.lockKey)],
                    timeout: Self.patience
                )
                try await connection.script(Self.bookkeeping)
                let applied = try await self.applied(connection)
                var names: [String] = []
                for migration in migrations where applied[migration.version] == nil {
                    try await apply(migration, connection)
                    names.append(migration.name)
                }
                return names
            }
        }
    }

    /// What is missing.
    ///
    /// - Returns: The names of migrations that ``run()`` would apply; empty when the schema is up to date.
    /// - Throws: ``MigrationError`` when an applied migration has changed; `PQError` for everything else.
    package func pending() async throws -> [String] {
        let known = try await pool.query("SELECT to_regclass('longshore.schema_migrations') IS NOT NULL AS known")
        guard try known.first?.bool("known") == true else { return migrations.map(\.name) }
        let applied = try await pool.withConnection { try await self.applied($0) }
        return migrations.filter { applied[$0.version] == nil }.map(\.name)
    }

    private func applied(_ connection: PQConnection) async throws -> [Int: String] {
        let rows = try await connection.query("SELECT version, checksum FROM longshore.schema_migrations")
        var applied: [Int: String] = [:]
        for row in rows { applied[try row.int("version")] = try row.text("checksum") }
        for migration in migrations {
            guard let checksum = applied[migration.version], checksum != migration.checksum else { continue }
            throw MigrationError(
                code: .changed,
                message: "the migration \(migration.name) was applied with another text; it must not be edited"
            )
        }
        return applied
    }

    private func apply(_ migration: Migration, _ connection: PQConnection) async throws {
        logger.info("Applying a migration", metadata: ["migration": "\(migration.name)"])
        try await connection.script(migration.sql, timeout: Self.patience)
        try await connection.query(
            "INSERT INTO longshore.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            [.int(Int64(migration.version)), .text(migration.name), .text(migration.checksum)]
        )
    }

    private static let patience = Duration.seconds(1_800)
    /// An arbitrary constant; all versions of the product must use the same.
    private static let lockKey: Int64 = 7_310_868_736_829_190_500
    private static let bookkeeping = """
        CREATE SCHEMA IF NOT EXISTS longshore;
        CREATE TABLE IF NOT EXISTS longshore.schema_migrations (
            version integer PRIMARY KEY,
            name text NOT NULL,
            checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
}

/// Why the schema cannot be brought up to date.
package struct MigrationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    package enum Code: String, Sendable {
        /// An applied migration has another text now.
        case changed
        /// A migration's name has no version.
        case malformed
    }

    /// The kind of failure.
    package let code: Code
    /// For people.
    package let message: String
    /// Nothing gets better by itself here.
    package var isRetryable: Bool { false }

    package var description: String { "\(code.rawValue): \(message)" }
}
