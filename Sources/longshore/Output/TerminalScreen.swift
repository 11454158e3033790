import LongshoreMessages
import Synchronization

/// Keeps a task's picture on the terminal up to date: events change the view as they come, the picture follows a few times
/// a second, so that the last event of a burst is shown too and a flood of them costs no more than a few.
final class TerminalScreen: Sendable {
    /// How often the picture may change.
    static let interval = Duration.milliseconds(150)

    private struct State {
        var view = TaskView()
        var display: ProgressDisplay
        var hasChanged = true
    }

    private let state: Mutex<State>
    private let write: @Sendable (String) -> Void

    /// Makes a screen.
    ///
    /// - Parameters:
    ///   - display: Draws the picture.
    ///   - write: Takes what is to be written; called from one task at a time.
    init(display: ProgressDisplay, write: @escaping @Sendable (String) -> Void) {
        self.state = Mutex(State(display: display))
        self.write = write
    }

    /// Takes the next event.
    func apply(_ event: TaskEvent) {
        state.withLock { state in
            state.view.apply(event)
            state.display.notice = nil
            state.hasChanged = true
        }
    }

    /// Shows what is being waited for, until the next event.
    func note(_ text: String) {
        state.withLock { state in
            state.display.notice = text
            state.hasChanged = true
        }
    }

    /// Faults of a request that was rejected.
    var faults: [EventFault] { state.withLock(\.view.faults) }

    /// Draws the picture while an operation goes on, and once more at its end.
    ///
    /// - Parameter operation: Hands events to ``apply(_:)``.
    /// - Throws: What the operation throws.
    func show(while operation: () async throws -> Void) async throws {
        defer { refresh() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                while !Task.isCancelled {
                    refresh()
                    try await Task.sleep(for: Self.interval)
                }
            }
            try await operation()
            group.cancelAll()
            // The picture's last state is drawn by one writer only.
            while let _ = await group.nextResult() {}
        }
    }

    private func refresh() {
        let text: String? = state.withLock { state in
            guard state.hasChanged else { return nil }
            state.hasChanged = false
            return state.display.update(state.view)
        }
        if let text { write(text) }
    }
}
