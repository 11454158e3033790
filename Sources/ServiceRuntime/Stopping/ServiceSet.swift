import ServiceLifecycle

/// Runs services that stop at the same time, so that one that needs its whole grace period takes nothing of the others'.
///
/// The first that fails, or ends without having been asked to, ends the others.
struct ServiceSet: Service {
    let services: [any Service]
    let stop: StopRequest
    /// Yields when the services may start, for example once the health port is bound; ends without a value when they must not.
    let start: AsyncStream<Void>

    func run() async throws {
        var mayStart = false
        for await _ in start {
            mayStart = true
            break
        }
        guard mayStart, !Task.isCancelled, !Task.isShuttingDownGracefully else { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services {
                group.addTask { try await StopNoticing(service: service, stop: stop).run() }
            }
            while try await group.next() != nil {
                if !Task.isShuttingDownGracefully { group.cancelAll() }
            }
        }
    }
}

/// Begins the process's stop when a service fails or ends, so that the grace period counts from then on.
struct StopNoticing: Service {
    let service: any Service
    let stop: StopRequest

    func run() async throws {
        defer { stop.begin(.failure) }
        try await service.run()
    }
}

extension ThrowingTaskGroup where ChildTaskResult == Void, Failure == any Error {
    /// Waits until all tasks have ended or the first has failed.
    ///
    /// `waitForAll()` would wait for every other task before it tells of a failure, so that services go on without the part that
    /// has failed. When this throws out of the group's body, the group cancels the tasks that are left.
    ///
    /// - Throws: What the first task to fail has thrown.
    package mutating func waitForFirstFailure() async throws {
        while try await next() != nil {}
    }
}
