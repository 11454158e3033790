import LibPQ
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// What the projector notes about messages that may be lost.
enum LostTasks {
    /// A row whose task has not ended; what the indexes of such rows say, since a phase changes too often to be in one.
    static let unfinished = "finished_at IS NULL"
    /// A row whose task an executor has begun: there was a PullTask of it. To be looked for among the unfinished ones.
    static let started = "phase IN ('checking', 'pulling', 'paused')"

    /// What a batch says about messages that are no more.
    static func notes(of batch: ProjectionBatch) -> [PQStatement] {
        var statements: [PQStatement] = []
        if !batch.submissions.isEmpty {
            statements.append(replaced(batch.submissions))
            statements.append(overtaken(batch.submissions))
        }
        if !batch.missing.isEmpty { statements.append(missing(batch.missing)) }
        return statements
    }

    /// Suspects tasks in whose message's place there is that of a younger one.
    private static func replaced(_ submissions: [ProjectionBatch.Submission]) -> PQStatement {
        PQStatement(
            """
            UPDATE longshore.tasks t SET suspected_at = now()
            FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[])
                    AS u(id, cluster, priority_class, partition, place, accepted_at),
                -- Looked up place by place, in the index: nothing but a few is ever found.
                LATERAL (SELECT o.id FROM longshore.tasks o
                    WHERE o.cluster = u.cluster AND o.priority_class = u.priority_class
                        AND o.message_partition = u.partition AND o.message_offset = u.place
                        AND o.accepted_at < u.accepted_at AND o.\(unfinished) AND o.suspected_at IS NULL
                    OFFSET 0) older
            WHERE t.id = older.id AND t.id <> u.id
            """,
            [
                .textArray(submissions.map(\.task.taskID.text)), .textArray(submissions.map(\.task.spec.cluster)),
                .textArray(submissions.map { PriorityClass(priority: $0.task.spec.priority).rawValue }),
                .intArray(submissions.map { Int64($0.place.partition) }), .intArray(submissions.map(\.place.offset)),
                .timestampArray(submissions.map(\.task.acceptedAt.microsecondsSinceEpoch)),
            ]
        )
    }

    /// Suspects tasks that were accepted well before one whose message stands at the same place or before theirs: the log was
    /// begun anew, and what stands where their messages were are others.
    private static func overtaken(_ submissions: [ProjectionBatch.Submission]) -> PQStatement {
        struct Partition: Hashable {
            var cluster: String
            var priorityClass: PriorityClass
            var partition: Int32
        }
        var first: [Partition: ProjectionBatch.Submission] = [:]
        for submission in submissions {
            let partition = Partition(
                cluster: submission.task.spec.cluster,
                priorityClass: PriorityClass(priority: submission.task.spec.priority),
                partition: submission.place.partition
            )
            if let known = first[partition]?.place.offset, known <= submission.place.offset ?? .max { continue }
            first[partition] = submission
        }
        let firsts = Array(first)
        return PQStatement(
            """
            UPDATE longshore.tasks t SET suspected_at = now()
            FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[])
                AS u(cluster, priority_class, partition, place, accepted_at)
            WHERE t.cluster = u.cluster AND t.priority_class = u.priority_class AND t.message_partition = u.partition
                AND t.message_offset >= u.place AND t.\(unfinished) AND t.suspected_at IS NULL
                AND t.accepted_at < u.accepted_at - interval '1 minute'
            """,
            [
                .textArray(firsts.map(\.key.cluster)), .textArray(firsts.map(\.key.priorityClass.rawValue)),
                .intArray(firsts.map { Int64($0.key.partition) }), .intArray(firsts.map(\.value.place.offset)),
                .timestampArray(firsts.map(\.value.task.acceptedAt.microsecondsSinceEpoch)),
            ]
        )
    }

    /// An answer counts for the question that it answers: a task that was accepted anew meanwhile has a new message.
    private static func missing(_ answers: [TaskMissing]) -> PQStatement {
        PQStatement(
            """
            UPDATE longshore.tasks t SET lost_at = now()
            FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) AS u(id, asked_at, project, cluster)
            WHERE t.id = u.id AND t.project = u.project AND t.cluster = u.cluster AND t.asked_at = u.asked_at AND t.lost_at IS NULL AND t.\(unfinished)
            """,
            [
                .textArray(answers.map(\.taskID.text)),
                .timestampArray(answers.map(\.askedAt.microsecondsSinceEpoch)),
                .textArray(answers.map(\.project)), .textArray(answers.map(\.cluster)),
            ]
        )
    }
}
