/// Why a command ends without having done its work, and with which exit code.
struct CommandFailure: Error, Sendable, Hashable {
    /// The exit codes of the contract; 0 is success.
    enum Code: Int32, Sendable, Hashable, CaseIterable {
        /// The task failed, was cancelled or was rejected.
        case taskFailed = 1
        /// The command or the request was wrong.
        case usage = 2
        /// The service could not be reached or could not answer.
        case unreachable = 3
    }

    /// The exit code.
    let code: Code
    /// What to tell the person, without the line's end.
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Does something with each of several things and goes on after a failure.
    ///
    /// - Parameters:
    ///   - ids: What the person has named them.
    ///   - body: Does it with one.
    /// - Throws: The worst of the failures, with what each of them has to say.
    static func collecting(of ids: [String], _ body: (String) async throws -> Void) async throws {
        var failures: [CommandFailure] = []
        for id in ids {
            do {
                try await body(id)
            } catch let failure as CommandFailure {
                failures.append(CommandFailure(failure.code, "\(Console.printable(id)): \(failure.message)"))
            }
        }
        guard let worst = failures.max(by: { $0.code.rawValue < $1.code.rawValue }) else { return }
        throw CommandFailure(worst.code, failures.map(\.message).joined(separator: "\n"))
    }

    static func usage(_ message: String) -> CommandFailure { CommandFailure(.usage, message) }
    static func unreachable(_ message: String) -> CommandFailure { CommandFailure(.unreachable, message) }
}
