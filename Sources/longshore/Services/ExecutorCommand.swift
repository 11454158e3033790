import ArgumentParser
import ExecutorService
import KubernetesAPI
import ServiceRuntime

/// `longshore executor`: works on the tasks of one cluster.
struct ExecutorCommand: ServiceCommand {
    static let keys = SettingKeys.common + SettingKeys.kafka + SettingKeys.kubernetes + ExecutorSettings.keys

    static let configuration = CommandConfiguration(
        commandName: "executor",
        abstract: "Run an executor: works on the tasks of one cluster.",
        usage: "longshore executor [--KEY VALUE …]",
        discussion: keysHelp
    )

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var arguments: [String] = []

    func run() async throws {
        let settings = try await readSettings()
        let configuration = try settings.collecting { settings throws(SettingsError) in
            try settings.checkCommon()
            return try ExecutorSettings.configuration(settings)
        }
        let kubernetes = try await settings.kubernetesConfiguration(service: "executor")
        let process = try ServiceProcess(
            service: "executor",
            settings: settings,
            // Its clients of Kafka, and connections to Kubernetes and to registries.
            ownDescriptors: 5 * DescriptorPlan.kafkaClientDescriptors + 64
        )
        let client = try KubernetesClient(
            configuration: kubernetes,
            logger: process.logger,
            observer: ExecutorMetrics.record
        )
        let service = try ExecutorService(configuration: configuration, client: client, logger: process.logger)
        for (name, check) in service.checks { process.readiness.add(name, check) }
        do {
            try await process.run([service])
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }
}
