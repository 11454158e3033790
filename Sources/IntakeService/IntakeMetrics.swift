import Metrics

/// The metrics of the intake. Labels are bounded: routes, codes and names of operations, never tasks or images.
struct IntakeMetrics: Sendable {
    /// How many submissions shared a batch.
    let batchSize = Recorder(label: "longshore_intake_batch_size", aggregate: true)
    /// From handing a batch to Kafka to its last acknowledgement.
    let publishSeconds = Metrics.Timer(label: "longshore_intake_publish_seconds")
    /// Events that were folded into the read model.
    let eventsFolded = Counter(label: "longshore_projector_events")
    /// Tasks that were accepted and that Kafka has lost.
    let tasksLost = Counter(label: "longshore_tasks_lost")
    /// Questions to executors about tasks whose messages seem to be gone.
    let tasksAsked = Counter(label: "longshore_tasks_suspected_lost")
    /// Records that could not be read or were refused.
    let deadLetters = Counter(label: "longshore_intake_dead_letters")
    /// Refusals, or dead letters of refused requests, that no topic takes even without what can be left out of them.
    let refusalsDropped = Counter(label: "longshore_intake_refusals_dropped")

    /// Counts an answer.
    func countRequest(route: String, status: Int, duration: Duration) {
        Counter(label: "longshore_http_requests", dimensions: [("route", route), ("status", "\(status)")]).increment()
        Metrics.Timer(label: "longshore_http_request_seconds", dimensions: [("route", route)]).record(
            duration: duration
        )
    }

    /// Counts a task by how its submission ended.
    func countSubmission(source: String, outcome: String) {
        Counter(label: "longshore_submissions", dimensions: [("source", source), ("outcome", outcome)]).increment()
    }

    /// Sets how many tasks are in a phase.
    func setTasks(phase: String, _ count: Int) {
        Gauge(label: "longshore_tasks", dimensions: [("status", phase)]).record(count)
    }

    /// Sets the age of the oldest task in a phase.
    func setOldest(phase: String, seconds: Double) {
        Gauge(label: "longshore_oldest_task_seconds", dimensions: [("status", phase)]).record(seconds)
    }

    /// Measures how long Kafka takes to acknowledge what was sent together.
    func publishing<Success>(_ body: () async -> Success) async -> Success {
        let started = ContinuousClock.now
        defer { publishSeconds.record(duration: ContinuousClock.now - started) }
        return await body()
    }

    /// Measures an operation of Postgres.
    func timed<Success>(_ operation: String, _ body: () async throws -> Success) async rethrows -> Success {
        let started = ContinuousClock.now
        defer {
            Metrics.Timer(label: "longshore_postgres_seconds", dimensions: [("operation", operation)])
                .record(duration: ContinuousClock.now - started)
        }
        return try await body()
    }
}
