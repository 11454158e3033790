import LibPQ
import Logging
import LongshoreDomain
import LongshoreMessages
import Metrics
import RDKafka
import ServiceRuntime
import WireFormats

/// Finds tasks that were accepted and that nothing will ever carry out, because the broker has lost their message and no
/// executor has made a PullTask of it before, or because their PullTask was deleted while no executor was there to see it.
///
/// That a PullTask is gone can only be suspected from here: nothing has been heard of the task for a while. That a message is
/// gone can only be suspected from here as well, and cheaply: its offset is not in its partition any more, or the projector has
/// read past it without seeing it. Whether the task is lost is for the executors to say: they are asked by a command in the
/// same partition, behind the message if that is there after all. Only their answer ends the task, however long it takes; a
/// suspicion that is wrong costs one message.
struct LostTaskSweeper: Sendable {
    /// How long an acknowledged message may take to be read back.
    static let settling = Duration.seconds(60)
    /// After how long executors are asked again; the pause doubles each time.
    static let patience = Duration.seconds(300)

    let pool: PQPool
    let marks: TaskTopicMarks
    let producer: KafkaProducer
    let metrics: IntakeMetrics
    let logger: Logger
    /// How long nothing may be heard of a task that was begun, until executors are asked about it.
    let silence: Duration
    var settling = Self.settling
    var patience = Self.patience

    init(
        pool: PQPool,
        brokers: KafkaInquiry,
        producer: KafkaProducer,
        silence: Duration = .seconds(30),
        metrics: IntakeMetrics,
        logger: Logger
    ) {
        self.pool = pool
        self.silence = silence
        self.marks = TaskTopicMarks(pool: pool, brokers: brokers)
        self.producer = producer
        self.metrics = metrics
        self.logger = logger
    }

    /// Sweeps once.
    func sweep() async throws {
        try await Acknowledgements(pool: pool).carryOver(olderThan: Acknowledgements.delay)
        try await suspectOutside()
        try await suspectUnread()
        try await suspectSilent()
        try await ask()
        try await report()
    }

    // MARK: - Suspecting

    /// Messages whose offsets their partitions do not have.
    private func suspectOutside() async throws {
        let groups = try await pool.query(
            """
            SELECT cluster, priority_class, message_partition, min(message_offset) AS first, max(message_offset) AS last,
                now() AS seen
            FROM longshore.tasks WHERE message_offset IS NOT NULL AND suspected_at IS NULL AND \(LostTasks.unfinished)
            GROUP BY cluster, priority_class, message_partition
            """
        )
        for group in groups {
            let (cluster, name) = (try group.text("cluster"), try group.text("priority_class"))
            guard let priorityClass = PriorityClass(rawValue: name) else { continue }
            let partition = TopicPartition(
                topic: Topics.tasks(cluster: cluster, class: priorityClass),
                partition: Int32(try group.int("message_partition"))
            )
            let found = try await marks.marks(partition) ?? (0, 0)
            guard try group.int("first") < Int(found.low) || group.int("last") >= Int(found.high) else { continue }
            try await pool.query(
                """
                UPDATE longshore.tasks SET suspected_at = now()
                WHERE cluster = $1 AND priority_class = $2 AND message_partition = $3
                    AND (message_offset < $4 OR message_offset >= $5) AND \(LostTasks.unfinished)
                    AND suspected_at IS NULL AND updated_at <= $6
                """,
                [
                    .text(cluster), .text(name), .int(Int64(partition.partition)), .int(found.low), .int(found.high),
                    .timestamp(microsecondsSince1970: try group.timestamp("seen")),
                ]
            )
        }
    }

    /// Messages that were acknowledged and that the projector did not find although it has read to the end.
    private func suspectUnread() async throws {
        let condition = """
            \(LostTasks.unfinished) AND phase = 'accepting' AND message_partition IS NOT NULL AND suspected_at IS NULL
                AND updated_at < now() - make_interval(secs => $1)
            """
        let seconds = PQParameter.double(settling / .seconds(1))
        let groups = try await pool.query(
            "SELECT DISTINCT cluster, priority_class FROM longshore.tasks WHERE \(condition)",
            [seconds]
        )
        for group in groups {
            let (cluster, name) = (try group.text("cluster"), try group.text("priority_class"))
            guard let priorityClass = PriorityClass(rawValue: name),
                try await marks.isReadToEnd(Topics.tasks(cluster: cluster, class: priorityClass))
            else { continue }
            try await pool.query(
                """
                UPDATE longshore.tasks SET suspected_at = now()
                WHERE \(condition) AND cluster = $2 AND priority_class = $3
                """,
                [seconds, .text(cluster), .text(name)]
            )
        }
    }

    /// Tasks that were begun and of which nothing has been heard. Most of them pull something large; to ask costs one message
    /// for each silence, and then ever fewer.
    private func suspectSilent() async throws {
        try await pool.query(
            """
            UPDATE longshore.tasks SET suspected_at = now(), asked_at = NULL
            WHERE \(LostTasks.unfinished) AND \(LostTasks.started) AND lost_at IS NULL
                AND (suspected_at IS NULL OR suspected_at < updated_at) AND updated_at < now() - make_interval(secs => $1)
            """,
            [.double(silence / .seconds(1))]
        )
    }

    // MARK: - Asking

    private func ask() async throws {
        // Milliseconds, so that the time is the same in every form it takes on its way.
        let rows = try await pool.query(
            """
            UPDATE longshore.tasks SET asked_at = date_trunc('milliseconds', clock_timestamp()) WHERE id IN (
                SELECT id FROM longshore.tasks
                WHERE suspected_at IS NOT NULL AND lost_at IS NULL AND \(LostTasks.unfinished)
                    AND (asked_at IS NULL
                        OR now() - asked_at > greatest(make_interval(secs => $1), asked_at - suspected_at))
                ORDER BY suspected_at LIMIT 500 FOR UPDATE SKIP LOCKED)
            RETURNING id, project, cluster, priority_class, message_partition, asked_at, traceparent,
                \(LostTasks.started) AS is_started
            """,
            [.double(patience / .seconds(1))]
        )
        var questions: [ProducerRecord] = []
        var asked: [(id: String, isStarted: Bool)] = []
        for row in rows {
            guard let question = try TaskQuestions.question(row, .confirm) else { continue }
            questions.append(question)
            asked.append((try row.text("id"), try row.bool("is_started")))
        }
        guard !questions.isEmpty else { return }
        var unasked: [String] = []
        var suspected = 0
        for (index, result) in await TaskQuestions.send(questions, producer).enumerated() {
            guard case .failure(let error) = result else {
                if !asked[index].isStarted { suspected += 1 }
                continue
            }
            unasked.append(asked[index].id)
            logger.debug("Executors could not be asked about a task", metadata: [LogKey.error: "\(error)"])
        }
        if !unasked.isEmpty {
            try await pool.query("UPDATE longshore.tasks SET asked_at = NULL WHERE id = ANY($1)", [.textArray(unasked)])
        }
        // That a task under way is silent is no cause for alarm.
        guard suspected > 0 else { return }
        metrics.tasksAsked.increment(by: suspected)
        logger.warning(
            "Messages of accepted tasks are gone from Kafka; the executors are asked about the tasks",
            metadata: ["count": "\(suspected)"]
        )
    }

    // MARK: - Reporting

    /// Ends what is known to be lost. The event is the same each time, until the projector has read it.
    private func report() async throws {
        let rows = try await pool.query(
            """
            SELECT \(TaskRecord.columns), t.lost_at, t.traceparent FROM longshore.tasks t
            WHERE t.suspected_at IS NOT NULL AND t.lost_at IS NOT NULL AND t.\(LostTasks.unfinished) LIMIT 500
            """
        )
        let events = try rows.compactMap { row -> TaskEvent? in
            let task = try TaskRecord(row: row)
            guard let id = TaskID(task.id) else { return nil }
            return Self.event(
                of: task,
                id: id,
                at: Timestamp(microsecondsSinceEpoch: try row.timestamp("lost_at")),
                traceParent: try row.textOrNil("traceparent")
            )
        }
        guard !events.isEmpty else { return }
        for report in await producer.send(events.map { ProducerRecord($0.record) }) { _ = try report.get() }
        for event in events {
            let metadata: Logger.Metadata = [LogKey.task: "\(event.taskID)", LogKey.project: "\(event.project)"]
            if event.type == .taskCancelled {
                logger.notice("A task's PullTask was deleted", metadata: metadata)
            } else {
                metrics.tasksLost.increment()
                logger.error("Kafka has lost an accepted task", metadata: metadata)
            }
        }
    }

    /// How a task ends that nothing will carry out. One that was begun has had a PullTask, which somebody has deleted.
    private static func event(of task: TaskRecord, id: TaskID, at time: Timestamp, traceParent: String?) -> TaskEvent {
        let isStarted = task.startedAt != nil
        let phase: TaskPhase = isStarted ? .cancelled : .failed
        var event = TaskEvent(
            id: EventIdentity.phase(id, phase),
            type: isStarted ? .taskCancelled : .taskFailed,
            taskID: id,
            project: task.project,
            cluster: task.cluster,
            sequence: Int64(max(task.sequence, 1)) + 1,
            time: time,
            phase: phase,
            counts: task.counts
        )
        event.traceParent = traceParent
        if isStarted {
            event.reason = TaskStore.pullTaskDeleted
            event.message = "The task's PullTask is gone from the cluster: somebody has deleted it"
            return event
        }
        event.cause = .internal
        event.reason = TaskStore.messageLost
        event.message =
            "Kafka acknowledged this task's message and has lost it since, and the cluster has no PullTask of it: nothing will carry it out"
        return event
    }
}
