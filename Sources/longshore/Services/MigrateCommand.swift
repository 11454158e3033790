import ArgumentParser
import IntakeService
import LibPQ
import Logging
import Redaction
import ServiceRuntime

/// `longshore migrate`: brings the database to this version's schema.
struct MigrateCommand: ServiceCommand {
    static let keys = [SettingKeys.logLevel, SettingKeys.postgresURL, check]

    private static let check = SettingKey(
        "check",
        form: "BOOL",
        "only say what is missing; exit with 1 when something is",
        default: "false"
    )

    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the database to this version's schema; forward only, safe while services run.",
        usage: "longshore migrate [--KEY VALUE …]",
        discussion: keysHelp
    )

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var arguments: [String] = []

    func run() async throws {
        let settings = try await readSettings()
        let (url, level, isCheck) = try settings.collecting { settings throws(SettingsError) in
            let url = settings.secret(SettingKeys.postgresURL) ?? SecretBytes([])
            return (url, try ServiceProcess.level(settings), try settings.bool(Self.check))
        }
        let logger = Logger(label: "migrate") { _ in JSONLogHandler(service: "migrate", level: level) }
        let pool = PQPool(
            configuration: PQConfiguration(url: url, maximumConnections: 1, applicationName: "longshore-migrate")
        )
        let names: [String]
        do {
            let migrator = try Migrator(pool: pool, logger: logger)
            names = isCheck ? try await migrator.pending() : try await migrator.run()
        } catch let error as PQError {
            await pool.close()
            throw CommandFailure(error.isRetryable ? .unreachable : .taskFailed, "the database: \(error)")
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
        if isCheck, !names.isEmpty { throw CommandFailure(.taskFailed, "missing: \(names.joined(separator: ", "))") }
        Console.print(names.isEmpty ? "the schema is up to date" : "applied \(names.joined(separator: ", "))")
    }
}
