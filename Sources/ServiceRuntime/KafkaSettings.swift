package import RDKafka
import Redaction

/// Reads what is needed to reach Kafka from a service's configuration.
package enum KafkaSettings {
    /// Makes the client configuration.
    ///
    /// - Parameters:
    ///   - settings: Made with ``SettingKeys/kafka`` among its keys.
    ///   - clientID: The service's name, shown in the brokers' logs and quotas.
    /// - Returns: How to reach the cluster.
    /// - Throws: ``SettingsError`` when a key is malformed.
    package static func configuration(
        _ settings: Settings,
        clientID: String
    ) throws(SettingsError) -> KafkaConfiguration {
        var properties: [String: String] = [:]
        for pair in settings.list(SettingKeys.kafkaProperties) {
            guard let sign = pair.firstIndex(of: "="), sign != pair.startIndex else {
                throw SettingsError(["\(SettingKeys.kafkaProperties.flag): expected NAME=VALUE,NAME=VALUE"])
            }
            properties[String(pair[..<sign])] = String(pair[pair.index(after: sign)...])
        }
        let named: [(SettingKey, String)] = [
            (SettingKeys.kafkaSecurityProtocol, "security.protocol"),
            (SettingKeys.kafkaCertificateAuthority, "ssl.ca.location"),
            (SettingKeys.kafkaCertificate, "ssl.certificate.location"),
            (SettingKeys.kafkaKey, "ssl.key.location"),
            (SettingKeys.kafkaSASLMechanism, "sasl.mechanism"),
            (SettingKeys.kafkaSASLUsername, "sasl.username"),
        ]
        for (key, property) in named {
            if let value = settings.text(key) {
                properties[property] = value
            }
        }
        var secrets: [String: KafkaSecret] = [:]
        if let password = settings.secret(SettingKeys.kafkaSASLPassword)?.exposeUTF8() {
            secrets["sasl.password"] = KafkaSecret(password)
        }
        return KafkaConfiguration(
            bootstrapServers: try settings.required(SettingKeys.kafkaBootstrapServers),
            clientID: clientID,
            properties: properties,
            secretProperties: secrets
        )
    }

    /// Makes the consumers' options.
    ///
    /// - Parameter settings: Made with ``SettingKeys/kafka`` among its keys.
    /// - Returns: The defaults with the configured session timeout.
    /// - Throws: ``SettingsError`` when a key is malformed.
    package static func consumerOptions(_ settings: Settings) throws(SettingsError) -> KafkaConsumer.Options {
        var options = KafkaConsumer.Options()
        options.sessionTimeout = try settings.seconds(SettingKeys.kafkaSessionTimeout, in: 1...3600)
        return options
    }
}
