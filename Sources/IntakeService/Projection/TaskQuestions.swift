import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import WireFormats

/// Questions to executors about tasks of which the read model lacks something that Kafka no longer holds.
enum TaskQuestions {
    /// Makes the question about a task.
    ///
    /// - Parameters:
    ///   - row: `id`, `project`, `cluster`, `priority_class`, `message_partition`, `traceparent` and `asked_at`, which makes the
    ///     question's id.
    ///   - kind: What is asked: `.confirm` whether the task is known, `.report` how its nodes have ended.
    /// - Returns: The record for the topic of the task's message; nil when the row holds no task that this release can read.
    /// - Throws: `PQError` when a column is missing.
    static func question(_ row: PQRow, _ kind: TaskCommand.Kind) throws -> ProducerRecord? {
        guard let id = TaskID(try row.text("id")),
            let priorityClass = PriorityClass(rawValue: try row.text("priority_class"))
        else { return nil }
        let askedAt = Timestamp(microsecondsSinceEpoch: try row.timestamp("asked_at"))
        let command = TaskCommand(
            id: "\(id)-\(kind.rawValue)-\(askedAt.microsecondsSinceEpoch)",
            taskID: id,
            project: try row.text("project"),
            cluster: try row.text("cluster"),
            priorityClass: priorityClass,
            kind: kind,
            requestedAt: askedAt,
            traceParent: try row.textOrNil("traceparent")
        )
        var record = ProducerRecord(command.record)
        // Where the task's message was, so that the question stays behind it even if partitions were added meanwhile.
        record.partition = try row.intOrNil("message_partition").map { Int32($0) }
        return record
    }

    /// Sends questions.
    ///
    /// A topic that was made anew may have fewer partitions; what was in the others is gone with them, and a question for one of
    /// those goes to the partition of its key.
    ///
    /// - Parameters:
    ///   - questions: The records of ``question(_:_:)``.
    ///   - producer: Sends them.
    /// - Returns: What became of each, in the same order.
    static func send(
        _ questions: [ProducerRecord],
        _ producer: KafkaProducer
    ) async -> [Result<DeliveryReport, KafkaError>] {
        var results = await producer.send(questions)
        for (index, result) in results.enumerated() {
            guard case .failure(let error) = result, error.code == .unknownTopic else { continue }
            var question = questions[index]
            question.partition = nil
            results[index] = await producer.send([question]).first ?? result
        }
        return results
    }
}
