import BlockingExecutor
import Glibc
import Logging

/// Ends the process when its grace period is over although something still waits: the last resort of a stop.
///
/// It runs on a thread of its own, because what hangs may hold every thread of the cooperative pool.
struct StopWatchdog: Sendable {
    let logger: Logger
    /// What must not be left behind, such as a child process; must return soon.
    let lastAct: @Sendable () -> Void

    /// Begins to watch a stop. The process's end ends it.
    ///
    /// - Parameters:
    ///   - stop: The stop.
    ///   - patience: How long after the grace period the process ends.
    func watch(_ stop: StopRequest, patience: Duration) {
        let thread = BlockingExecutor(label: "stop-watchdog")
        let deadline = ContinuousClock.now + stop.gracePeriod + patience
        let (logger, lastAct) = (logger, lastAct)
        thread.submit {
            while ContinuousClock.now < deadline { usleep(100_000) }
            logger.error(
                "The grace period is over; what is still under way is given up",
                metadata: ["seconds": "\(stop.gracePeriod.components.seconds)"]
            )
            lastAct()
            _exit(stop.cause == .signal ? 0 : 1)
        }
    }
}
