import Logging
import LongshoreDomain
import LongshoreMessages
import Metrics
import RDKafka
import Redaction
import ServiceRuntime
import WireFormats

/// Takes requests from `longshore.requests`: the same body as over HTTP, by the same rules, but for secrets in the clear,
/// which no topic may hold.
struct RequestHandler: Sendable {
    let acceptor: TaskAcceptor
    let producer: KafkaProducer
    /// Whether producers may ask in the name of this project.
    let allowsProject: @Sendable (String) -> Bool
    let clock: any WallClock
    let metrics: IntakeMetrics
    let logger: Logger

    /// What became of one message.
    private enum Result: Sendable {
        case done
        case retry
        case reject(KafkaRejection)
    }

    /// Handles a batch; what cannot be accepted now comes again.
    func handle(_ batch: KafkaBatch) async -> KafkaBatch.Outcome {
        var outcome = KafkaBatch.Outcome.done
        await withTaskGroup(of: (Int, Result).self) { group in
            for (index, message) in batch.messages.enumerated() {
                group.addTask { (index, await handle(message)) }
            }
            for await (index, result) in group {
                switch result {
                case .done: break
                case .retry: outcome.retried.insert(index)
                case .reject(let rejection): outcome.rejected[index] = rejection
                }
            }
        }
        return outcome
    }

    private func handle(_ message: KafkaMessage) async -> Result {
        let requested: TaskRequested
        do {
            requested = try TaskRequested(event: message.event)
        } catch {
            metrics.countSubmission(source: "kafka", outcome: "malformed")
            return .reject(KafkaRejection(code: error.code.rawValue, detail: error.message))
        }
        do throws(RequestFaults) {
            let request = try TaskRequest.parse(requested.request, channel: .kafka)
            guard allowsProject(request.project) else {
                throw RequestFaults([
                    RequestFault(
                        pointer: JSONPointer().appending("project"),
                        kind: .invalidValue,
                        detail: "producers may not ask in the name of this project"
                    )
                ])
            }
            return await accept(request, requested, message)
        } catch {
            return await refuse(error, requested, message)
        }
    }

    private func accept(_ request: TaskRequest, _ requested: TaskRequested, _ message: KafkaMessage) async -> Result {
        let outcome: AcceptBatcher.Outcome
        do throws(TaskAcceptor.Refusal) {
            outcome = try await acceptor.accept(
                request,
                idempotencyKey: requested.idempotencyKey,
                source: .kafka,
                traceParent: requested.traceParent
            )
        } catch {
            switch error {
            case .faults(let faults): return await refuse(faults, requested, message)
            case .unavailable(let detail):
                logger.warning("A request has to wait", metadata: [LogKey.error: "\(detail)"])
                return .retry
            }
        }
        metrics.countSubmission(source: "kafka", outcome: outcome.name)
        switch outcome {
        case .accepted(let task):
            logger.info(
                "Accepted a task",
                metadata: [
                    LogKey.task: "\(task.id)", LogKey.project: "\(task.project)", LogKey.cluster: "\(task.cluster)",
                    LogKey.offset: "\(message.offset)",
                ]
            )
            tell(request.warnings, of: task.id)
            return .done
        case .existing: return .done
        case .unavailable, .full: return .retry
        case .tooLarge:
            // To wait would hold up everything behind it for ever.
            let detail = "Kafka takes no message of this task's size"
            let fault = RequestFault(pointer: JSONPointer(), kind: .tooLong, detail: detail)
            return await refuse(RequestFaults([fault]), requested, message)
        case .conflict:
            let fault = RequestFault(
                pointer: JSONPointer().appending("idempotencykey"),
                kind: .conflict,
                detail: "another request has used this key"
            )
            return await refuse(RequestFaults([fault]), requested, message, isConflict: true)
        }
    }

    /// A producer gets no answer: what would be in it is in the log.
    private func tell(_ warnings: [RequestWarning], of task: String) {
        guard !warnings.isEmpty else { return }
        logger.notice(
            "A request was accepted with warnings",
            metadata: [
                LogKey.task: "\(task)", "count": "\(warnings.count)",
                "warnings": .array(warnings.prefix(10).map { "\($0.pointer): \($0.code.rawValue)" }),
            ]
        )
    }

    // MARK: - Refusing

    /// Keeps the request without its values, and says what is wrong with it. The event has an id of its own: a task that the
    /// request's key names is not touched by it, whoever's it is.
    private func refuse(
        _ faults: RequestFaults,
        _ requested: TaskRequested,
        _ message: KafkaMessage,
        isConflict: Bool = false
    ) async -> Result {
        metrics.countSubmission(source: "kafka", outcome: isConflict ? "conflict" : "invalid")
        metrics.deadLetters.increment()
        var letter = deadLetter(faults, requested, message)
        let whole = letter
        letter.value = nil
        // What happened counts more than what it happened to.
        letter.headers.append(KafkaHeader(name: KafkaDeadLetter.valueHeader, value: Array("tooLarge".utf8)))
        guard await send([whole, letter], of: message) else { return .retry }
        let rejection = rejection(faults, requested, message)
        let forms = [TaskEvent.maximumDataBytes, Self.smallEventBytes, 0].map {
            ProducerRecord(rejection.withFaults(fitting: $0).record)
        }
        guard await send(forms, of: message) else { return .retry }
        logger.notice(
            "Refused a request",
            metadata: [
                LogKey.topic: "\(message.topicPartition.topic)",
                LogKey.partition: "\(message.topicPartition.partition)", LogKey.offset: "\(message.offset)",
                "faults": "\(faults.totalCount)", "hadSecret": "\(faults.containsPlaintextCredential)",
            ]
        )
        return .done
    }

    /// What an event comes to whose topic does not take one of the contract's size.
    private static let smallEventBytes = 4 << 10

    /// Sends the first of several forms of a record, each smaller than the one before, that its topic takes.
    ///
    /// - Returns: Whether the request is done with. What is too large in every form is counted, logged and given up: waiting would
    ///   hold up everything behind the request for ever, and nothing makes it smaller.
    private func send(_ forms: [ProducerRecord], of message: KafkaMessage) async -> Bool {
        for form in forms {
            guard case .failure(let error)? = await producer.send([form]).first else { return true }
            if error.code == .messageTooLarge { continue }
            logger.warning("A refusal was not published", metadata: [LogKey.error: "\(error)"])
            return false
        }
        metrics.refusalsDropped.increment()
        logger.error(
            "A refusal is larger than its topic takes and is dropped; raise max.message.bytes",
            metadata: [
                LogKey.topic: "\(forms.first?.topic ?? "")", LogKey.partition: "\(message.topicPartition.partition)",
                LogKey.offset: "\(message.offset)", "bytes": "\(forms.last?.value?.count ?? 0)",
            ]
        )
        return true
    }

    private func deadLetter(
        _ faults: RequestFaults,
        _ requested: TaskRequested,
        _ message: KafkaMessage
    ) -> ProducerRecord {
        var event = requested.event
        event.data = RequestRedaction.redact(requested.request)
        let kept = event.kafkaRecord(topic: message.topicPartition.topic)
        let original = ConsumerRecord(
            topicPartition: message.topicPartition,
            offset: message.offset,
            timestampMilliseconds: message.timestampMilliseconds,
            key: message.key,
            value: kept.value,
            headers: kept.headers.map { KafkaHeader(name: $0.name, value: $0.value) }
        )
        let scrubber = Scrubber(RequestRedaction.secrets(in: requested.request))
        let code = faults.containsPlaintextCredential ? "plaintextCredentialNotAllowed" : "invalidRequest"
        var record = KafkaDeadLetter.record(
            for: original,
            rejection: KafkaRejection(
                code: code,
                detail: "\(faults.totalCount) \(faults.totalCount == 1 ? "fault" : "faults")",
                redactsValue: false
            ),
            topic: Topics.requestsDeadLetter,
            scrubber: scrubber
        )
        let listed = JSONValue.array(
            faults.faults.prefix(50).map { EventFault($0, scrubber).json }
        )
        record.headers.append(KafkaHeader(name: "longshore-faults", value: listed.serialized()))
        return record
    }

    private func rejection(
        _ faults: RequestFaults,
        _ requested: TaskRequested,
        _ message: KafkaMessage
    ) -> TaskEvent {
        // A name is taken from the refused request only where it has the form of one.
        let cluster = name(requested.request["cluster"]) ?? "default"
        let id = TaskIDs.refusal(
            topic: message.topicPartition.topic,
            partition: message.topicPartition.partition,
            offset: message.offset,
            timestampMilliseconds: message.timestampMilliseconds
        )
        let project = project(of: requested.request)
        let scrubber = Scrubber(RequestRedaction.secrets(in: requested.request))
        let time = message.timestampMilliseconds.map { Timestamp(microsecondsSinceEpoch: $0 * 1_000) } ?? clock.now()
        var event = TaskEvent(
            id: EventIdentity.phase(id, .rejected),
            type: .taskRejected,
            taskID: id,
            project: project,
            cluster: cluster,
            sequence: 1,
            time: time,
            phase: .rejected,
            faults: faults.faults.map { EventFault($0, scrubber) }
        )
        event.faultCount = faults.totalCount
        event.source = .kafka
        // In nobody's name nobody is told, and no project's secret signs it.
        if project != TaskEvent.unassignedProject { event.webhook = WebhookWish(ofRefused: requested.request) }
        event.traceParent = requested.traceParent
        event.request = .init(
            topic: message.topicPartition.topic,
            partition: Int(message.topicPartition.partition),
            offset: message.offset
        )
        event.reason = faults.containsPlaintextCredential ? "PlaintextCredential" : "InvalidRequest"
        event.message =
            faults.containsPlaintextCredential
            ? "A secret was sent in the clear through Kafka, which keeps what it is given: change the secret, and send it sealed"
            : "\(faults.totalCount) fields are wrong"
        return event
    }

    /// In whose name a refusal is told: the request's project if its sender may use that, else nobody's.
    private func project(of request: JSONValue) -> String {
        let asked = request["project"]
        let named = asked == nil || asked?.isNull == true ? "default" : name(asked)
        guard let named, allowsProject(named) else { return TaskEvent.unassignedProject }
        return named
    }

    private func name(_ value: JSONValue?) -> String? {
        guard let text = value?.string, KubernetesNames.isLabel(Array(text.utf8)) else { return nil }
        return text
    }
}

extension EventFault {
    /// Takes a fault. Its pointer ends in a field's name, which is the sender's text as well.
    fileprivate init(_ fault: RequestFault, _ scrubber: Scrubber) {
        self.init(fault)
        pointer = scrubber.scrub(pointer, limit: 256)
    }
}
