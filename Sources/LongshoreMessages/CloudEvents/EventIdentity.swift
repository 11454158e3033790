package import LongshoreDomain

/// The ids of events: the same happening has the same id however often it is sent, by whichever executor.
///
/// They hold no dots, since a webhook's signature is made over `id.timestamp.body`.
package enum EventIdentity {
    /// The id of a task's submission.
    package static func submitted(_ task: TaskID) -> String { "\(task)-submitted" }

    /// The id of the event that a task is queued, and of the terminal event of a task that was not begun again.
    package static func phase(_ task: TaskID, _ phase: TaskPhase) -> String { "\(task)-\(phase.rawValue)" }

    /// The id of an event of a task.
    ///
    /// - Parameters:
    ///   - task: the task.
    ///   - type: the event's type.
    ///   - node: the node of a node event.
    ///   - attempt: the attempt that begins, for the beginning of a node's work.
    ///   - occurrence: which one of several of the same kind: the number of pauses so far, or how many images of a node were decided
    ///     while the others are still pulled.
    ///   - sequence: the event's sequence number, which names progress events: nothing else is the same about them twice.
    ///   - retry: how often the task was begun again: what happens once happens once for each time.
    /// - Returns: the id.
    package static func event(
        _ task: TaskID,
        type: EventType,
        node: String? = nil,
        attempt: Int? = nil,
        occurrence: Int = 0,
        sequence: Int64 = 0,
        retry: Int = 0
    ) -> String {
        let again = retry > 0 ? "-r\(retry)" : ""
        let name = type.shortName.drop { $0 != "." }.dropFirst()
        if let node {
            // A node ends once. Whoever takes the task over may find out by another attempt what was told of the last one
            // already, and it is the same end.
            let decided = occurrence > 0 ? ".\(occurrence)" : ""
            let attempt = type == .nodePulling ? "-\(attempt ?? 0)\(decided)" : ""
            return "\(task)-n\(SecretNames.nodeHash(node))\(attempt)-\(name)\(again)"
        }
        if type == .taskProgress { return "\(task)-progress-\(sequence)" }
        let number = occurrence > 0 && !type.isTerminal ? "-\(occurrence)" : ""
        return "\(task)-\(name)\(number)\(again)"
    }

    /// The id of a further part of an event that was too long for one; `part` from 2.
    package static func part(_ part: Int, of id: String) -> String { "\(id)-p\(part)" }

    /// The source of a project's events in a cluster.
    package static func source(project: String, cluster: String) -> String {
        "/projects/\(project)/clusters/\(cluster)"
    }

    /// A sequence number as the extension `sequence` holds it: twelve digits, so that it sorts as text.
    package static func text(sequence: Int64) -> String {
        let digits = String(max(0, sequence))
        return String(repeating: "0", count: max(0, 12 - digits.count)) + digits
    }
}

/// The names of the extension attributes that Longshore uses.
package enum EventExtension {
    /// A task's own order of its messages and events (CloudEvents' Sequence extension).
    package static let sequence = "sequence"
    /// The record's key, which is the task id (CloudEvents' Partitioning extension).
    package static let partitionKey = "partitionkey"
    /// W3C trace context (CloudEvents' Distributed Tracing extension).
    package static let traceParent = "traceparent"
    /// When the message loses its meaning (CloudEvents' Expiry Time extension).
    package static let expiryTime = "expirytime"
    /// A requester's own key, by which a repeated request is known.
    package static let idempotencyKey = "idempotencykey"
}
