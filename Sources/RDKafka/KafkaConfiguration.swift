/// How to reach a Kafka cluster.
///
/// Its description names every property but shows no value of a secret one, including a secret that was put into
/// `properties` by mistake.
package struct KafkaConfiguration: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Comma-separated `host:port` list.
    package var bootstrapServers: String
    /// Shown in the broker's logs and quotas.
    package var clientID: String
    /// Further librdkafka properties, for example `security.protocol`.
    ///
    /// Properties that this wrapper sets itself (see ``reservedProperties``) are refused.
    package var properties: [String: String]
    /// Further librdkafka properties whose values are secret, for example `sasl.password`.
    package var secretProperties: [String: KafkaSecret]

    /// Makes a configuration.
    ///
    /// - Parameters:
    ///   - bootstrapServers: Comma-separated `host:port` list.
    ///   - clientID: Shown in the broker's logs and quotas.
    ///   - properties: Further librdkafka properties.
    ///   - secretProperties: Further librdkafka properties whose values are secret.
    package init(
        bootstrapServers: String,
        clientID: String = "longshore",
        properties: [String: String] = [:],
        secretProperties: [String: KafkaSecret] = [:]
    ) {
        self.bootstrapServers = bootstrapServers
        self.clientID = clientID
        self.properties = properties
        self.secretProperties = secretProperties
    }

    package var description: String {
        var parts = ["bootstrap.servers=\(self.bootstrapServers)", "client.id=\(self.clientID)"]
        for (name, value) in self.properties.sorted(by: { $0.key < $1.key }) {
            parts.append("\(name)=\(Self.isSecret(property: name) ? "<redacted>" : value)")
        }
        parts += self.secretProperties.keys.sorted().map { "\($0)=<redacted>" }
        return "KafkaConfiguration(\(parts.joined(separator: ", ")))"
    }

    package var debugDescription: String { self.description }

    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }

    /// Properties that callers may not set, because delivery guarantees or this wrapper depend on them.
    package static let reservedProperties: Set<String> = [
        "bootstrap.servers", "metadata.broker.list", "client.id", "group.id", "enable.auto.commit",
        "enable.auto.offset.store", "auto.commit.interval.ms", "partition.assignment.strategy", "enable.idempotence",
        "enable.gapless.guarantee", "acks", "request.required.acks", "transactional.id", "log.queue",
        "enable.partition.eof", "delivery.report.only.error",
    ]

    /// Whether a property's value must never be shown.
    static func isSecret(property name: String) -> Bool {
        ["password", "secret", "token", "oauthbearer.config", "ssl.key.pem", "ssl_key", "jaas"].contains {
            name.contains($0)
        }
    }

    /// Every secret value, to be removed from texts that librdkafka makes.
    var secretValues: [String] {
        self.secretProperties.values.map(\.value)
            + self.properties.filter { Self.isSecret(property: $0.key) }.map(\.value)
    }
}
