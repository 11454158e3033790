import ArgumentParser
import IntakeService
import LibPQ
import ServiceRuntime

/// `longshore intake`: the HTTP API, the consumer of requests and the projector.
struct IntakeCommand: ServiceCommand {
    static let keys = SettingKeys.common + SettingKeys.kafka + SettingKeys.postgres + IntakeConfiguration.keys

    static let configuration = CommandConfiguration(
        commandName: "intake",
        abstract: "Run the HTTP API, the consumer of longshore.requests and the projector.",
        usage: "longshore intake [--KEY VALUE …]",
        discussion: keysHelp
    )

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var arguments: [String] = []

    func run() async throws {
        let settings = try await readSettings()
        var configuration = try settings.collecting { settings throws(SettingsError) in
            try settings.checkCommon()
            return try IntakeConfiguration(settings: settings)
        }
        let pool = try settings.postgresPool(service: "intake")
        let connections = pool.configuration.maximumConnections
        let process = try ServiceProcess(
            service: "intake",
            settings: settings,
            ownDescriptors: IntakeConfiguration.ownDescriptors(postgresConnections: connections)
        )
        configuration.fit(process.descriptors, logger: process.logger)
        let service = try IntakeService(
            configuration: configuration,
            kafka: KafkaSettings.configuration(settings, clientID: "longshore-intake"),
            consumerOptions: KafkaSettings.consumerOptions(settings),
            pool: pool,
            readiness: process.readiness,
            logger: process.logger
        )
        do {
            try await process.run([service])
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }
}
