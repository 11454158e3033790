import ArgumentParser
import FoundationEssentials
import KubernetesAPI
import Logging
import RDKafka
import ServiceRuntime

/// `longshore doctor`: finds out from where a person sits whether tasks can be asked for and done.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the service, the token and the executors; with more flags the cluster and the topics.",
        discussion: """
            --kubeconfig looks at a cluster: its version, nodes and image volumes, the definition of PullTask, the executors' rights \
            and leases, and the helper image. --kafka looks at the topics and at what they keep; how connections are protected is \
            taken from the services' variables (LONGSHORE_KAFKA_SECURITY_PROTOCOL and so on). Exits with 0 when nothing has failed, \
            else with the code of the first failure.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Option(
        help: ArgumentHelp("Also check the cluster of this kubeconfig.", valueName: "path"),
        completion: Completions.file
    )
    var kubeconfig: String?

    @Option(help: ArgumentHelp("Context in the kubeconfig.", valueName: "name"))
    var kubeContext: String?

    @Option(help: "The executors' namespace in that cluster.")
    var namespace = "longshore"

    @Option(help: ArgumentHelp("The executors' service account in that namespace.", valueName: "name"))
    var serviceAccount = "longshore-executor"

    @Option(help: ArgumentHelp("The helper image that the executors were given.", valueName: "image"))
    var helperImage = ExecutorSettings.helperImageDefault

    @Option(help: ArgumentHelp("Also check the topics on these brokers.", valueName: "host:port,…"))
    var kafka: String?

    func validate() throws {
        guard kubeconfig != nil || kubeContext == nil else {
            throw ValidationError("--kube-context needs --kubeconfig")
        }
    }

    func run() async throws {
        var report = DoctorReport()
        let clusters = await ServiceDoctor(options: connection).examine(&report)
        if let kubeconfig { await examineCluster(kubeconfig, &report) }
        if let kafka { await examineTopics(kafka, clusters: clusters, &report) }
        for line in report.lines { Console.print(line) }
        if let failure = report.failure { throw failure }
    }

    private func examineCluster(_ path: String, _ report: inout DoctorReport) async {
        do {
            var configuration = try await KubernetesConfiguration.load(kubeconfig: path, context: kubeContext)
            configuration.userAgent = "longshore-doctor"
            let client = try KubernetesClient(configuration: configuration, logger: Self.silent)
            let doctor = ClusterDoctor(
                client: client,
                namespace: namespace,
                serviceAccount: serviceAccount,
                helperImage: helperImage
            )
            report.add(contentsOf: await doctor.examine())
            await client.close()
        } catch {
            report.fail("kubernetes", .unreachable("\(error)"))
        }
    }

    private func examineTopics(_ address: String, clusters: [String], _ report: inout DoctorReport) async {
        do {
            let settings = try await Settings(
                keys: SettingKeys.kafka,
                arguments: [SettingKeys.kafkaBootstrapServers.flag, address],
                environment: ProcessInfo.processInfo.environment
            )
            let admin = try KafkaAdmin(
                configuration: KafkaSettings.configuration(settings, clientID: "longshore-doctor"),
                logger: Self.silent
            )
            report.add(contentsOf: await TopicDoctor(clusters: clusters).examine(admin))
            await admin.close()
        } catch let error as SettingsError {
            report.fail("kafka", .usage(error.description))
        } catch {
            report.fail("kafka", .unreachable("\(error)"))
        }
    }

    /// What libraries have to say is in the findings.
    private static let silent = Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() }
}
