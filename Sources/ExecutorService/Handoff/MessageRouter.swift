import Logging
import LongshoreDomain
import LongshoreMessages
import ServiceRuntime

/// Reads batches of task messages: several tasks at once, one task's messages in their order.
struct MessageRouter: Sendable {
    let submissions: SubmissionHandler
    let commands: CommandHandler
    let coordinator: TaskCoordinator
    let configuration: ExecutorConfiguration
    let logger: Logger

    /// So many tasks of a batch are handled at once.
    static let concurrency = 8

    /// What is left of the room, by priority: the last tenth is for the urgent ones alone.
    ///
    /// - Parameter topic: A topic of this cluster.
    /// - Returns: How many messages may be handed over.
    func room(_ topic: String) -> Int {
        let most = configuration.maximumTasks
        let share: Int
        switch Topics.parse(taskTopic: topic)?.class {
        case .high, nil: share = most
        case .normal: share = max(1, most * 9 / 10)
        case .low: share = max(1, most * 8 / 10)
        }
        return max(0, share - coordinator.taskCount)
    }

    /// How an executor whose slots are all taken reads on: commands need no slot, and a task that is cancelled before it was
    /// started ends without one of its own.
    var lookAhead: KafkaLookAhead {
        let (most, coordinator) = (configuration.maximumTasks, coordinator)
        return KafkaLookAhead(
            maximumBytes: Self.maximumWaitingBytes,
            withdrawalRoom: { max(0, most + Self.concurrency - coordinator.taskCount) },
            need: { Self.need(of: $0) }
        )
    }

    /// So much is kept of tasks that wait for a slot: some ten thousand of them, and what else is in front of a command.
    static let maximumWaitingBytes = 32 * 1024 * 1024

    private static func need(of event: CloudEvent) -> KafkaLookAhead.Need {
        guard event.eventType != .taskSubmitted else { return .room }
        return (try? TaskCommand(event: event))?.kind == .cancel ? .withdrawal : .nothing
    }

    /// Handles a batch.
    func handle(_ batch: KafkaBatch) async -> KafkaBatch.Outcome {
        // Right after the start the Lease may need a moment; later on, waiting is left to the loop.
        for _ in 0..<40 where !submissions.context.lease.isValid { try? await Task.sleep(for: .milliseconds(50)) }
        var order: [[UInt8]] = []
        var byKey: [[UInt8]: [Int]] = [:]
        for (index, message) in batch.messages.enumerated() {
            let key = message.key ?? Array(message.event.subject?.utf8 ?? "".utf8)
            if byKey[key] == nil { order.append(key) }
            byKey[key, default: []].append(index)
        }
        let tasks = order.map { byKey[$0] ?? [] }
        let parts = await concurrentMap(tasks, limit: Self.concurrency) { await handle($0, of: batch) }
        var outcome = KafkaBatch.Outcome()
        for part in parts {
            outcome.rejected.merge(part.rejected) { first, _ in first }
            outcome.retried.formUnion(part.retried)
        }
        return outcome
    }

    /// One task's messages; after one that has to be tried again, those behind it have to wait as well.
    private func handle(_ indices: [Int], of batch: KafkaBatch) async -> KafkaBatch.Outcome {
        var outcome = KafkaBatch.Outcome()
        let isWithdrawn = indices.contains { Self.need(of: batch.messages[$0].event) == .withdrawal }
        for (position, index) in indices.enumerated() {
            do {
                try await handle(batch.messages[index], isWithdrawn: isWithdrawn)
            } catch let error as CloudEventError {
                let detail = error.description
                outcome.rejected[index] = KafkaRejection(code: error.code.rawValue, detail: detail)
            } catch {
                let message = batch.messages[index]
                logger.warning(
                    "A task message could not be handled yet",
                    metadata: [
                        LogKey.task: "\(message.event.subject ?? "")", LogKey.offset: "\(message.offset)",
                        LogKey.error: "\(error)",
                    ]
                )
                outcome.retried.formUnion(indices[position...])
                return outcome
            }
        }
        return outcome
    }

    private func handle(_ message: KafkaMessage, isWithdrawn: Bool) async throws {
        switch message.event.eventType {
        case .taskSubmitted:
            try await submissions.handle(try TaskSubmitted(event: message.event), isWithdrawn: isWithdrawn)
        case .taskCommand: try await commands.handle(try TaskCommand(event: message.event))
        case .some, nil:
            throw CloudEventError(.wrongType, place: "type", message: "expected a task message or a command")
        }
    }
}
