import LongshoreMessages
import RDKafka
import ServiceRuntime

/// Looks at the topics: which are missing, and what they keep.
struct TopicDoctor: Sendable {
    /// The longest life of a task without a setting of its own; what is kept for less can be lost.
    static let deadlineHours = 24

    /// The clusters whose task topics are looked at.
    let clusters: [String]

    private static let settings: Set<String> = ["retention.ms", "cleanup.policy", "max.message.bytes"]
    private static let timeout = Duration.seconds(10)

    /// The topics that there must be.
    private var definitions: [TopicDefinition] {
        Topics.shared() + clusters.flatMap { Topics.definitions(cluster: $0) }
    }

    /// Asks the brokers.
    ///
    /// - Parameter admin: Not closed.
    /// - Returns: What was found.
    func examine(_ admin: KafkaAdmin) async -> DoctorReport {
        var report = DoctorReport()
        do throws(KafkaError) {
            let topics = try await admin.topics(timeout: Self.timeout)
            report.add(.ok, "kafka", "brokers answer")
            var told: [String: [String: String]]?
            do throws(KafkaError) {
                told = try await admin.settings(Self.settings, of: present(topics), timeout: Self.timeout)
            } catch {
                report.add(.unknown, "kafka", "the topics' settings cannot be read: \(error.message)")
            }
            report.add(contentsOf: judge(topics, told))
        } catch {
            let code: CommandFailure.Code = error.code == .authentication ? .unauthorized : .unreachable
            report.fail("kafka", CommandFailure(code, KafkaTopicKeeper.sentence(for: error)))
        }
        return report
    }

    private func present(_ topics: [String: Int]) -> [String] {
        definitions.map(\.name).filter { topics[$0] != nil }
    }

    /// Judges what the brokers have told.
    ///
    /// - Parameters:
    ///   - topics: The number of partitions by topic.
    ///   - settings: The settings by topic and name; nil where they cannot be read.
    /// - Returns: A finding for each topic.
    func judge(_ topics: [String: Int], _ settings: [String: [String: String]]?) -> DoctorReport {
        var report = DoctorReport()
        for definition in definitions {
            let subject = "topic \(definition.name)"
            guard let partitions = topics[definition.name] else {
                let advice = "it is missing: a service that needs it creates it where it may; else create it"
                report.fail(subject, CommandFailure(.notFound, advice))
                continue
            }
            let count = Plural.count(partitions, "partition")
            guard let own = settings?[definition.name] else {
                report.add(.ok, subject, "\(count); what it keeps is not told")
                continue
            }
            let faults = Self.faults(of: definition, own)
            guard faults.isEmpty else {
                report.add(.warning, subject, "\(count); \(faults.joined(separator: "; "))")
                continue
            }
            report.add(.ok, subject, "\(count), \(Self.keeping(own))")
        }
        return report
    }

    /// What is not well with a topic's settings.
    static func faults(of definition: TopicDefinition, _ settings: [String: String]) -> [String] {
        var faults: [String] = []
        let policies = (settings["cleanup.policy"] ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
        switch definition.cleanup {
        case .compact where !policies.contains("compact"):
            faults.append("cleanup.policy must be compact: announcements are lost otherwise")
        case .delete where policies.contains("compact"):
            faults.append("cleanup.policy must be delete: of several records with one key all are needed")
        case .delete:
            if let text = settings["retention.ms"], let milliseconds = Int(text), milliseconds >= 0,
                milliseconds < deadlineHours * 3_600_000
            {
                faults.append(
                    "it keeps records for \(age(milliseconds)), less than a task may take (\(deadlineHours) h)"
                )
            }
        case .compact: break
        }
        if let limit = settings["max.message.bytes"].flatMap({ Int($0) }), limit < definition.largestRecordBytes {
            faults.append("max.message.bytes is \(limit), and \(definition.largestRecordBytes) may be sent to it")
        }
        return faults
    }

    private static func keeping(_ settings: [String: String]) -> String {
        if settings["cleanup.policy"]?.contains("compact") ?? false { return "compacted" }
        guard let milliseconds = settings["retention.ms"].flatMap({ Int($0) }) else { return "retention unknown" }
        return milliseconds < 0 ? "kept for ever" : "kept for \(age(milliseconds))"
    }

    private static func age(_ milliseconds: Int) -> String {
        ProgressDisplay.text(.milliseconds(milliseconds))
    }
}
