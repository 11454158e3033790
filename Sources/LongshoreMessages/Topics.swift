package import LongshoreDomain

/// The names of the Kafka topics.
package enum Topics {
    /// Requests from anyone, as an alternative to HTTP.
    package static let requests = "longshore.requests"
    /// What happened to tasks and nodes.
    package static let events = "longshore.events"
    /// Clusters with their sealing keys; compacted.
    package static let clusters = "longshore.clusters"
    /// Requests that could not be read or are not acceptable, without their values.
    package static let requestsDeadLetter = "longshore.requests.dlq"
    /// Task messages and commands that could not be read.
    package static let tasksDeadLetter = "longshore.tasks.dlq"
    /// Records of the events' topic that could not be read.
    package static let eventsDeadLetter = "longshore.events.dlq"
    /// A subscription to the task topics of every cluster, in librdkafka's form: a regular expression starts with `^`.
    package static let allTasksPattern = "^longshore\\.tasks\\.[^.]+\\.(high|normal|low)$"

    /// How long requests, task messages and events are kept in topics that are made, unless told otherwise: 7 days.
    package static let defaultRetention = Duration.seconds(7 * 86_400)

    private static let tasksPrefix = "longshore.tasks."

    /// The topic for a cluster's tasks of one priority class.
    package static func tasks(cluster: String, class priority: PriorityClass) -> String {
        "\(tasksPrefix)\(cluster).\(priority.rawValue)"
    }

    /// The topics for all of a cluster's tasks, the most urgent first.
    package static func tasks(cluster: String) -> [String] {
        [PriorityClass.high, .normal, .low].map { tasks(cluster: cluster, class: $0) }
    }

    /// The cluster and the class of a task topic; nil for any other name.
    package static func parse(taskTopic name: String) -> (cluster: String, class: PriorityClass)? {
        guard name.hasPrefix(tasksPrefix) else { return nil }
        let parts = name.dropFirst(tasksPrefix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let priority = PriorityClass(rawValue: String(parts[1])) else {
            return nil
        }
        return (String(parts[0]), priority)
    }

    /// The topics that do not depend on a cluster.
    ///
    /// - Parameters:
    ///   - partitions: the partitions of the topics that carry load. Default 12.
    ///   - retention: how long requests and events are kept. Default 7 days.
    /// - Returns: definitions for the requests, events, clusters and dead-letter topics; dead letters are kept for 30 days.
    package static func shared(partitions: Int = 12, retention: Duration = defaultRetention) -> [TopicDefinition] {
        [
            TopicDefinition(name: requests, partitions: partitions, cleanup: .delete(after: retention)),
            TopicDefinition(name: events, partitions: partitions, cleanup: .delete(after: retention)),
            TopicDefinition(name: clusters, partitions: 1, cleanup: .compact),
            TopicDefinition(name: requestsDeadLetter, partitions: 1, cleanup: .delete(after: .seconds(30 * 86_400))),
            TopicDefinition(name: tasksDeadLetter, partitions: 1, cleanup: .delete(after: .seconds(30 * 86_400))),
            TopicDefinition(name: eventsDeadLetter, partitions: 1, cleanup: .delete(after: .seconds(30 * 86_400))),
        ]
    }

    /// The topics of one cluster.
    ///
    /// - Parameters:
    ///   - cluster: the cluster's name.
    ///   - partitions: the partitions of each topic. Default 12.
    ///   - retention: how long task messages are kept. Default 7 days.
    /// - Returns: one definition for each priority class.
    package static func definitions(
        cluster: String,
        partitions: Int = 12,
        retention: Duration = defaultRetention
    ) -> [TopicDefinition] {
        tasks(cluster: cluster).map {
            TopicDefinition(name: $0, partitions: partitions, cleanup: .delete(after: retention))
        }
    }
}

/// How a topic is to be made.
package struct TopicDefinition: Sendable, Hashable {
    /// What happens to old records.
    package enum Cleanup: Sendable, Hashable {
        /// They are deleted after this time.
        case delete(after: Duration)
        /// The newest of each key stays.
        case compact
    }

    /// The topic's name.
    package var name: String
    /// The number of partitions, from 1.
    package var partitions: Int
    /// What happens to old records.
    package var cleanup: Cleanup

    /// Makes a definition.
    package init(name: String, partitions: Int, cleanup: Cleanup) {
        self.name = name
        self.partitions = max(1, partitions)
        self.cleanup = cleanup
    }

    /// The largest record that is sent to the topic, in bytes with its headers.
    ///
    /// Events stay below 64 KiB; what carries a request may have 2 MiB.
    package var largestRecordBytes: Int {
        name == Topics.events || name == Topics.clusters ? 72 << 10 : 2 << 20
    }

    /// The topic's configuration in Kafka's words.
    ///
    /// Records may have 2 MiB: a request of 1 MiB grows when its defaults are written out and its credentials sealed.
    package var configuration: [String: String] {
        var configuration = ["max.message.bytes": "\(2 << 20)"]
        switch cleanup {
        case .delete(let age):
            configuration["cleanup.policy"] = "delete"
            configuration["retention.ms"] = String(age.components.seconds * 1_000)
        case .compact:
            configuration["cleanup.policy"] = "compact"
        }
        return configuration
    }
}
