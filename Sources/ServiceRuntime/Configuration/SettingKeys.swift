/// Every configuration key of the services, in one place.
package enum SettingKeys {
    /// Keys of every service.
    package static let common: [SettingKey] = [logLevel, healthAddress, shutdownSeconds]
    /// Keys of every service that talks to Kafka.
    package static let kafka: [SettingKey] = [
        kafkaBootstrapServers, kafkaSecurityProtocol, kafkaCertificateAuthority, kafkaCertificate, kafkaKey,
        kafkaSASLMechanism, kafkaSASLUsername, kafkaSASLPassword, kafkaProperties, kafkaReplication, kafkaPartitions,
        kafkaRetention, kafkaSessionTimeout,
    ]
    /// Keys of every service that talks to Postgres.
    package static let postgres: [SettingKey] = [postgresURL, postgresConnections]
    /// Keys of every service that talks to Kubernetes.
    package static let kubernetes: [SettingKey] = [kubeconfig, kubeContext]

    // MARK: - Common

    /// The least severe level that is logged.
    package static let logLevel = SettingKey(
        "log-level",
        form: "LEVEL",
        "least severe level that is logged: trace, debug, info, notice, warning, error",
        default: "info"
    )
    /// Where health and metrics are served.
    package static let healthAddress = SettingKey(
        "health-address",
        form: "HOST:PORT",
        "address of /healthz, /readyz and /metrics; port 0 takes a free one",
        default: "0.0.0.0:9090"
    )
    /// How long a stop may take.
    package static let shutdownSeconds = SettingKey(
        "shutdown-seconds",
        form: "SECONDS",
        "longest time for a graceful stop; keep it below the Pod's grace period",
        default: "25"
    )

    // MARK: - Kafka

    /// The brokers to start from.
    package static let kafkaBootstrapServers = SettingKey(
        "kafka-bootstrap-servers",
        form: "HOST:PORT,…",
        "Kafka brokers to start from",
        isRequired: true
    )
    /// How connections to the brokers are protected.
    package static let kafkaSecurityProtocol = SettingKey(
        "kafka-security-protocol",
        form: "NAME",
        "plaintext, ssl, sasl_plaintext or sasl_ssl",
        default: "plaintext"
    )
    /// The CA of the brokers' certificates.
    package static let kafkaCertificateAuthority = SettingKey(
        "kafka-ca-file",
        form: "PATH",
        "PEM file with the brokers' certificate authority"
    )
    /// The client's certificate for mutual TLS.
    package static let kafkaCertificate = SettingKey(
        "kafka-certificate-file",
        form: "PATH",
        "PEM file with the client certificate for mutual TLS"
    )
    /// The client's private key for mutual TLS.
    package static let kafkaKey = SettingKey(
        "kafka-key-file",
        form: "PATH",
        "PEM file with the client's private key for mutual TLS"
    )
    /// The SASL mechanism.
    package static let kafkaSASLMechanism = SettingKey(
        "kafka-sasl-mechanism",
        form: "NAME",
        "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    /// The SASL user.
    package static let kafkaSASLUsername = SettingKey("kafka-sasl-username", form: "NAME", "SASL user name")
    /// The SASL password.
    package static let kafkaSASLPassword = SettingKey(
        "kafka-sasl-password",
        form: "TEXT",
        "the SASL password",
        isSecret: true
    )
    /// Further librdkafka properties.
    package static let kafkaProperties = SettingKey(
        "kafka-properties",
        form: "NAME=VALUE,…",
        "further librdkafka properties, not for secrets"
    )
    /// The replication factor of topics that are made.
    package static let kafkaReplication = SettingKey(
        "kafka-replication",
        form: "COUNT",
        "replication factor of topics that are made; -1 takes the broker's default",
        default: "-1"
    )
    /// The partitions of topics that are made.
    package static let kafkaPartitions = SettingKey(
        "kafka-partitions",
        form: "COUNT",
        "partitions of each topic that is made",
        default: "12"
    )
    /// How long topics that are made keep requests, task messages and events.
    package static let kafkaRetention = SettingKey(
        "kafka-retention-days",
        form: "DAYS",
        "how long topics that are made keep requests, task messages and events; the same for all services, and longer than the longest outage",
        default: "7"
    )
    /// How long the brokers wait for a silent consumer.
    package static let kafkaSessionTimeout = SettingKey(
        "kafka-session-timeout-seconds",
        form: "SECONDS",
        "how long the brokers wait for a silent consumer",
        default: "45"
    )

    // MARK: - Postgres

    /// The database.
    package static let postgresURL = SettingKey(
        "postgres-url",
        form: "postgres://…",
        "the connection URL of the database",
        isRequired: true,
        isSecret: true
    )
    /// The size of the connection pool.
    package static let postgresConnections = SettingKey(
        "postgres-connections",
        form: "COUNT",
        "most connections of this process",
        default: "8"
    )

    // MARK: - Kubernetes

    /// The kubeconfig file.
    package static let kubeconfig = SettingKey(
        "kubeconfig",
        form: "PATH",
        "kubeconfig file; without it KUBECONFIG, ~/.kube/config, then the Pod's own account"
    )
    /// The context in the kubeconfig file.
    package static let kubeContext = SettingKey("kube-context", form: "NAME", "context in the kubeconfig file")

    // MARK: - Fleet

    /// The cluster a service works for.
    package static let cluster = SettingKey(
        "cluster",
        form: "NAME",
        "name of this cluster in the fleet",
        default: "default"
    )
    /// The namespace of PullTasks.
    package static let namespace = SettingKey(
        "namespace",
        form: "NAME",
        "namespace of PullTasks, pull Secrets and Jobs",
        default: "longshore"
    )
    /// Registries that are spoken to without TLS.
    package static let plainHTTPRegistries = SettingKey(
        "plain-http-registries",
        form: "HOST[:PORT],…",
        "registries spoken to without TLS; those on loopback always may be",
        default: ""
    )
}
