import Synchronization

/// Listens to channels on a connection of its own and connects again whenever it is lost.
///
/// After each connect it makes one notification for each channel with ``PQNotification/mayHaveMissed`` set: who
/// listens must look at the tables then, because what was sent before is gone.
///
/// Thread safety: every method may be called from anywhere; ``notifications`` has one reader.
package final class PQListener: Sendable {
    /// What is heard. When the reader is slow, the oldest beyond 4,096 are dropped.
    package let notifications: AsyncStream<PQNotification>

    private let configuration: PQConfiguration
    private let channels: [String]
    private let preparation: String
    private let continuation: AsyncStream<PQNotification>.Continuation
    private let connected = Atomic<Bool>(false)

    /// Makes a listener; nothing happens before ``run()``.
    ///
    /// - Parameters:
    ///   - configuration: Where to; the number of connections has no meaning here.
    ///   - channels: Names of channels; constants of the program, not user input.
    ///   - preparation: Statements to run on each new connection, such as the taking of a lock that is to last as long as the
    ///     connection; none by default.
    package init(configuration: PQConfiguration, channels: [String], preparation: String = "") {
        self.configuration = configuration
        self.channels = channels
        self.preparation = preparation
        (notifications, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(4_096))
    }

    /// Whether the listener is connected at the moment.
    package var isConnected: Bool { connected.load(ordering: .relaxed) }

    /// Listens until the task is cancelled; then ends the stream.
    package func run() async throws {
        defer { continuation.finish() }
        var delay = Duration.milliseconds(100)
        while !Task.isCancelled {
            do throws(PQError) {
                try await listen { delay = .milliseconds(100) }
            } catch {
                guard error.isRetryable || error.code == .authorization else { throw error }
            }
            connected.store(false, ordering: .relaxed)
            try? await Task.sleep(for: delay)
            delay = min(delay * 2, .seconds(5))
        }
    }

    private func listen(_ isConnected: () -> Void) async throws(PQError) {
        let connection = try await PQConnection.connect(configuration)
        do throws(PQError) {
            try await follow(connection, isConnected)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    private func follow(_ connection: PQConnection, _ isConnected: () -> Void) async throws(PQError) {
        if !preparation.isEmpty { try await connection.script(preparation) }
        for channel in channels {
            try await connection.script("LISTEN \"\(channel)\"")
        }
        connected.store(true, ordering: .relaxed)
        isConnected()
        for channel in channels {
            continuation.yield(PQNotification(channel: channel, payload: "", mayHaveMissed: true))
        }
        var silence = Duration.zero
        while !Task.isCancelled {
            // Short, because cancellation is seen between two waits only.
            let heard = try await connection.notifications(timeout: .milliseconds(250))
            for notification in heard { continuation.yield(notification) }
            silence = heard.isEmpty ? silence + .milliseconds(250) : .zero
            if silence >= .seconds(15) {
                // A peer that vanished without a word is found by asking.
                try await connection.query("SELECT 1", timeout: .seconds(5))
                silence = .zero
            }
        }
    }
}
