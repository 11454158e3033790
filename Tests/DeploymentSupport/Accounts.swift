import LongshoreMessages
package import RDKafka
import WireFormats

/// What must be true of a deployment once all work is done: nothing lost, nothing twice, nothing left.
package struct Accounts: Sendable {
    /// The identifiers of each task's terminal events: one, however often it was sent.
    package var terminalEvents: [String: Set<String>] = [:]
    /// The identifiers of each node's terminal events, by `task/node`.
    package var nodeEvents: [String: Set<String>] = [:]

    private static let ends = ["succeeded", "failed", "cancelled", "rejected"]

    /// No event has been read yet.
    package init() {}

    /// Reads all events of a deployment.
    package init(of deployment: Deployment) async throws {
        for record in try await KafkaTopics.records(of: Topics.events, deployment: deployment) { try note(record) }
    }

    /// Notes a record of the events' topic.
    ///
    /// - Parameter record: The record.
    /// - Throws: `CloudEventError` when it is no event.
    package mutating func note(_ record: ConsumerRecord) throws {
        let headers = record.headers.map { MessageHeader(name: $0.name, value: $0.value) }
        let event = try CloudEvent(headers: headers, value: record.value)
        let parts = event.type.split(separator: ".")
        guard let subject = event.subject, parts.count == 5 else { return }
        switch parts[2] {
        case "task" where Self.ends.contains(String(parts[3])):
            terminalEvents[subject, default: []].insert(event.id)
        case "node" where parts[3] != "pulling":
            nodeEvents[subject, default: []].insert(event.id)
        default: break
        }
    }

    /// What is wrong with these tasks, in words; empty when all is well.
    package func faults(of tasks: [String]) -> [String] {
        tasks.compactMap { task in
            let count = terminalEvents[task]?.count ?? 0
            return count == 1 ? nil : "task \(task) has \(count) terminal events"
        }
            + nodeEvents.filter { $0.value.count != 1 }.map { node, ends in
                "\(node) has \(ends.count) ends: \(ends.sorted().joined(separator: ", "))"
            }
    }
}
