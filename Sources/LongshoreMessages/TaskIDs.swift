import Crypto
package import LongshoreDomain

/// Task ids that follow from something.
package enum TaskIDs {
    /// The id of the task that a project asked for under an idempotency key: always the same, also after a crash.
    ///
    /// It is a version 8 UUID (RFC 9562 §5.8) of the SHA-256 over both, the project's length first, so that no other pair of
    /// project and key has the same text.
    /// - Parameters:
    ///   - project: the project.
    ///   - idempotencyKey: the requester's key.
    /// - Returns: the id.
    package static func derived(project: String, idempotencyKey: String) -> TaskID {
        let text = "longshore/v1/task\n\(project.utf8.count)\n\(project)\n\(idempotencyKey)"
        var bytes = Array(SHA256.hash(data: Array(text.utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        return TaskID(uuid: bytes)
    }

    /// The id under which the refusal of a request on Kafka is told: the same however often the record is read.
    ///
    /// It follows from the record alone. Nothing that the request says goes into it, and its variant is one that no task's id
    /// has (``TaskID/isRefusal``), so that a refusal can never be taken for the end of a task.
    /// - Parameters:
    ///   - topic: the record's topic.
    ///   - partition: its partition.
    ///   - offset: its offset.
    ///   - timestampMilliseconds: its time, which tells it from the record at the same offset of a topic that was made anew.
    /// - Returns: the id.
    package static func refusal(
        topic: String,
        partition: Int32,
        offset: Int64,
        timestampMilliseconds: Int64?
    ) -> TaskID {
        let time = timestampMilliseconds.map { "\($0)" } ?? ""
        let text = "longshore/v1/refusal\n\(topic)\n\(partition)\n\(offset)\n\(time)"
        var bytes = Array(SHA256.hash(data: Array(text.utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] | 0xC0
        return TaskID(uuid: bytes)
    }
}
