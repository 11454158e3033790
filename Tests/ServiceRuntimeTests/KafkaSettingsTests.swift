import LongshoreMessages
import RDKafka
import ServiceRuntime
import Testing

@Suite struct KafkaSettingsTests {
    @Test func `settings become properties, and the password stays secret`() throws {
        let settings = Settings(
            values: [
                SettingKeys.kafkaBootstrapServers: "a:1,b:2", SettingKeys.kafkaSecurityProtocol: "sasl_ssl",
                SettingKeys.kafkaCertificateAuthority: "/ca.pem", SettingKeys.kafkaCertificate: "/me.pem",
                SettingKeys.kafkaKey: "/me.key", SettingKeys.kafkaSASLMechanism: "PLAIN",
                SettingKeys.kafkaSASLUsername: "user", SettingKeys.kafkaSASLPassword: "hunter2-canary",
                SettingKeys.kafkaProperties: "broker.rack=r1, socket.timeout.ms=1=2",
                SettingKeys.kafkaSessionTimeout: "6",
            ],
            keys: SettingKeys.kafka
        )
        let configuration = try KafkaSettings.configuration(settings, clientID: "longshore-test")
        #expect(configuration.bootstrapServers == "a:1,b:2")
        #expect(configuration.clientID == "longshore-test")
        #expect(
            configuration.properties == [
                "security.protocol": "sasl_ssl", "ssl.ca.location": "/ca.pem",
                "ssl.certificate.location": "/me.pem", "ssl.key.location": "/me.key", "sasl.mechanism": "PLAIN",
                "sasl.username": "user", "broker.rack": "r1", "socket.timeout.ms": "1=2",
            ]
        )
        #expect(configuration.secretProperties == ["sasl.password": KafkaSecret("hunter2-canary")])
        #expect(!"\(configuration)".contains("hunter2"))
        #expect(try KafkaSettings.consumerOptions(settings).sessionTimeout == .seconds(6))
    }

    @Test func `a malformed property is told with its key`() {
        for text in ["novalue", "=x"] {
            let settings = Settings(
                values: [SettingKeys.kafkaBootstrapServers: "a:1", SettingKeys.kafkaProperties: text],
                keys: SettingKeys.kafka
            )
            let error = #expect(throws: SettingsError.self) {
                try KafkaSettings.configuration(settings, clientID: "x")
            }
            #expect("\(String(describing: error))".contains("kafka-properties"))
        }
    }

    @Test func `records and messages are the same thing`() {
        let message = MessageRecord(
            topic: "t",
            key: [1],
            value: nil,
            headers: [MessageHeader(name: "a", value: nil), MessageHeader(name: "a", text: "x")]
        )
        let sent = ProducerRecord(message)
        let read = ConsumerRecord(
            topicPartition: TopicPartition(topic: sent.topic, partition: 0),
            offset: 0,
            key: sent.key,
            value: sent.value,
            headers: sent.headers
        )
        #expect(MessageRecord(read) == message)
    }
}
