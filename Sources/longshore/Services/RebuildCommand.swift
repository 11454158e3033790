import ArgumentParser
import IntakeService
import LibPQ
import Logging
import ServiceRuntime

/// `longshore rebuild`: makes the read model anew from the topics.
struct RebuildCommand: ServiceCommand {
    static let keys = [SettingKeys.logLevel, SettingKeys.postgresURL, discard]

    private static let discard = SettingKey(
        "discard",
        form: "BOOL",
        "also forget what is there; tasks older than the topics' retention are lost",
        default: "false"
    )

    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Have the read model written anew from the topics; while no intake runs.",
        usage: "longshore rebuild [--KEY VALUE …]",
        discussion: keysHelp
    )

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var arguments: [String] = []

    func run() async throws {
        let settings = try await readSettings()
        let isDiscarding = try settings.collecting { settings throws(SettingsError) in try settings.bool(Self.discard) }
        let pool = try settings.postgresPool(service: "rebuild", maximumConnections: 1)
        let report: ReadModelRebuild.Report
        do {
            report = try await ReadModelRebuild(pool: pool).run(discarding: isDiscarding)
        } catch let error as PQError {
            await pool.close()
            throw CommandFailure(error.isRetryable ? .unreachable : .taskFailed, "the database: \(error)")
        } catch let refusal as ReadModelRebuild.Refusal {
            await pool.close()
            throw CommandFailure(.taskFailed, refusal.description)
        }
        await pool.close()
        if isDiscarding { Console.print("\(Plural.count(report.discarded, "task")) discarded") }
        Console.print(
            "\(Plural.count(report.partitions, "partition")) \(report.partitions == 1 ? "is" : "are") read again from the beginning as soon as an intake is started"
        )
    }
}
