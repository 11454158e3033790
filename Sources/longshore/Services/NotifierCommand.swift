import ArgumentParser
import KubernetesAPI
import LibPQ
import NotifierService
import ServiceRuntime

/// `longshore notifier`: webhooks.
struct NotifierCommand: ServiceCommand {
    static let keys =
        SettingKeys.common + SettingKeys.kafka + SettingKeys.postgres + SettingKeys.kubernetes + SettingKeys.notifier

    static let configuration = CommandConfiguration(
        commandName: "notifier",
        abstract: "Run the notifier: signed webhooks for what happens to tasks.",
        usage: "longshore notifier [--KEY VALUE …]",
        discussion: keysHelp
    )

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var arguments: [String] = []

    func run() async throws {
        let settings = try await readSettings()
        let configuration = try settings.collecting { settings throws(SettingsError) in
            try settings.checkCommon()
            return try NotifierConfiguration(settings: settings)
        }
        let pool = try settings.postgresPool(service: "notifier")
        let kubernetes = try await settings.kubernetesConfiguration(service: "notifier")
        let process = try ServiceProcess(
            service: "notifier",
            settings: settings,
            // Its clients of Kafka, its pool and the one that hears of changes, and requests to subscribers.
            ownDescriptors: 3 * DescriptorPlan.kafkaClientDescriptors + pool.configuration.maximumConnections + 1 + 64
        )
        let client = try KubernetesClient(configuration: kubernetes, logger: process.logger)
        let service = try NotifierService(
            configuration: configuration,
            dependencies: .init(
                kafka: KafkaSettings.configuration(settings, clientID: "longshore-notifier"),
                consumerOptions: KafkaSettings.consumerOptions(settings),
                database: pool,
                kubernetes: client,
                logger: process.logger
            )
        )
        service.addChecks(to: process.readiness)
        do {
            try await process.run([service])
        } catch {
            await client.close()
            await pool.close()
            throw error
        }
        await client.close()
        await pool.close()
    }
}
