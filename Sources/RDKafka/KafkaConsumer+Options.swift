extension KafkaConsumer {
    /// What can be chosen.
    package struct Options: Sendable, Hashable {
        /// Where reading begins when the group has no committed offset, or it is not in the partition any more.
        package enum OffsetReset: String, Sendable, Hashable {
            /// At the oldest record.
            case earliest
            /// After the newest record.
            case latest
            /// Nowhere: the partition yields a failure with code `offsetOutOfRange`.
            case error
        }

        /// After how long without heartbeats the group gives the partitions to others; default 45 s.
        package var sessionTimeout: Duration = .seconds(45)
        /// How often heartbeats are sent; default 3 s, at most a third of `sessionTimeout` is used.
        package var heartbeatInterval: Duration = .seconds(3)
        /// How long polls may be apart before the consumer leaves the group; default 300 s.
        package var maximumPollInterval: Duration = .seconds(300)
        /// After how long without a poll `isStalled` is true; default 60 s.
        ///
        /// An own watchdog, because librdkafka before 2.1 resets its poll timer on any queue.
        package var stallThreshold: Duration = .seconds(60)
        /// How long a broker may hold back a fetch that has nothing to answer; default 100 ms.
        package var fetchWaitMaximum: Duration = .milliseconds(100)
        /// How much is fetched ahead, in KiB; default 8,192.
        package var maximumPrefetchKilobytes: Int = 8192
        /// Where reading begins without a committed offset; default `earliest`.
        package var offsetReset: OffsetReset = .earliest
        /// Whether reaching the end of a partition is reported; default no.
        package var reportsEndOfPartition: Bool = false
        /// How long a commit may take; default 10 s.
        package var commitTimeout: Duration = .seconds(10)
        /// How often topics are looked up, which finds new ones that match a pattern; default 30 s.
        package var metadataRefreshInterval: Duration = .seconds(30)

        /// The defaults.
        package init() {}

        var properties: [String: String] {
            let session = max(1, self.sessionTimeout.clampedMilliseconds)
            let heartbeat = max(1, min(self.heartbeatInterval.clampedMilliseconds, session / 3))
            let refresh = max(10, self.metadataRefreshInterval.clampedMilliseconds)
            return [
                "session.timeout.ms": "\(session)",
                "heartbeat.interval.ms": "\(heartbeat)",
                "max.poll.interval.ms": "\(max(session, self.maximumPollInterval.clampedMilliseconds))",
                "fetch.wait.max.ms": "\(self.fetchWaitMaximum.clampedMilliseconds)",
                "queued.max.messages.kbytes": "\(max(1, self.maximumPrefetchKilobytes))",
                "auto.offset.reset": self.offsetReset.rawValue,
                "topic.metadata.refresh.interval.ms": "\(refresh)",
            ].merging(Self.connectionProperties) { first, _ in first }
        }

        /// How connections are kept; the same for every client that reads or asks.
        static let connectionProperties = [
            "reconnect.backoff.max.ms": "2000",
            "socket.keepalive.enable": "true",
            // A small request must not wait until the one before it is acknowledged, which the other side may delay by 40 ms.
            "socket.nagle.disable": "true",
        ]

        var reservedProperties: [String: String] {
            [
                "enable.auto.commit": "false",
                "enable.auto.offset.store": "false",
                // librdkafka 2.0.2 aborts the process with cooperative-sticky when a consumer is destroyed around its
                // first assignment (fixed in 2.3.0, #4312) and loses assignments on commits (2.10.0, #4908).
                "partition.assignment.strategy": "range,roundrobin",
                "enable.partition.eof": self.reportsEndOfPartition ? "true" : "false",
            ]
        }
    }
}
