import KubernetesAPI
import Logging
import LongshoreMessages
import RDKafka
import ServiceRuntime

/// Tells the fleet about this cluster: its sealing keys, its executors, that it lives.
struct ClusterAnnouncer: Sendable {
    let client: KubernetesClient
    let producer: KafkaProducer
    let keys: SealingKeys
    let configuration: ExecutorConfiguration
    let wallClock: any WallClock
    let executors: @Sendable () async -> [String]
    let helper: HelperHealth
    let logger: Logger

    /// Announces, until cancelled. The keys are read again each time, so that a rotation needs no restart.
    func run() async {
        var version: String?
        while !Task.isCancelled {
            var wasSent = false
            do {
                try await keys.load()
                if version == nil { version = try? await client.serverVersion().description }
                let announcement = ClusterAnnouncement(
                    cluster: configuration.cluster,
                    keys: keys.announced,
                    executors: await executors(),
                    version: configuration.version,
                    kubernetesVersion: version,
                    helperImage: helper.announced,
                    heartbeatAt: wallClock.now()
                )
                try await producer.send(announcement.record)
                keys.markAnnounced()
                wasSent = true
            } catch {
                if Task.isCancelled { return }
                logger.warning("The cluster could not be announced", metadata: ["error": "\(error)"])
            }
            let pause = wasSent ? configuration.heartbeatInterval : min(configuration.heartbeatInterval, .seconds(2))
            try? await Task.sleep(for: pause)
        }
    }
}
