import Logging
import ServiceLifecycle
import ServiceRuntime

/// Starts the database of `longshore dev` again when its process has gone.
struct DevPostgresKeeper: Service {
    let server: DevPostgres
    let logger: Logger

    private static let interval = Duration.milliseconds(500)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var hasFailed = false
            while (try? await Task.sleep(for: Self.interval)) != nil {
                guard !server.isRunning else { continue }
                if !hasFailed { logger.error("PostgreSQL has ended and is started again") }
                do {
                    // To its end even when the process stops meanwhile: a server of a start that is cut off is nobody's.
                    try await Task { try await server.launch() }.value
                    logger.notice("PostgreSQL runs again")
                    hasFailed = false
                } catch {
                    // Processes of the one that ended may still be there for a moment.
                    if !hasFailed {
                        logger.warning("PostgreSQL could not be started again", metadata: [LogKey.error: "\(error)"])
                    }
                    hasFailed = true
                }
            }
        }
    }
}
