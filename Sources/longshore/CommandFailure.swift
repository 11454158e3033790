/// Why a command ends without having done its work, and with which exit code.
struct CommandFailure: Error, Sendable, Hashable {
    /// The exit codes of the command; 0 is success. The README lists them in a table.
    enum Code: Int32, Sendable, Hashable, CaseIterable {
        /// The task failed, was cancelled or was rejected.
        case taskFailed = 1
        /// The command or the request was wrong.
        case usage = 2
        /// The service could not be reached or could not answer.
        case unreachable = 3
        /// What was named does not exist, or belongs to a project that the token may not see (HTTP 404).
        case notFound = 4
        /// The request conflicts with what is there, such as cancelling a task that has ended (HTTP 409).
        case conflict = 5
        /// There is no valid token, or it does not allow this (HTTP 401 and 403).
        case unauthorized = 6
        /// Ctrl-C: the command ended before what it waited for. 128 + SIGINT, as shells have it.
        case interrupted = 130

        /// What the code means, in the words of the help.
        var meaning: String {
            switch self {
            case .taskFailed: "the task failed, was cancelled or was rejected"
            case .usage: "wrong usage or a request that is not valid"
            case .unreachable: "the service could not be reached or could not answer"
            case .notFound: "what was named does not exist"
            case .conflict: "the request conflicts with what is there"
            case .unauthorized: "no valid token, or it does not allow this"
            case .interrupted: "interrupted by Ctrl-C"
            }
        }

        /// The code for an HTTP status of 300 or more.
        init(status: Int) {
            switch status {
            case 401, 403: self = .unauthorized
            case 404: self = .notFound
            case 409: self = .conflict
            case 400..<500 where status != 429: self = .usage
            default: self = .unreachable
            }
        }
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
    /// - Throws: One failure with what each of them has to say. Its code is that of all failures where they have the same, else
    ///   ``Code/unreachable`` where one is that, else ``Code/usage``.
    static func collecting(of ids: [String], _ body: (String) async throws -> Void) async throws {
        var failures: [CommandFailure] = []
        for id in ids {
            do {
                try await body(id)
            } catch let failure as CommandFailure {
                failures.append(CommandFailure(failure.code, "\(Console.printable(id)): \(failure.message)"))
            }
        }
        guard let first = failures.first else { return }
        let codes = Set(failures.map(\.code))
        let code = codes.count == 1 ? first.code : codes.contains(.unreachable) ? .unreachable : .usage
        throw CommandFailure(code, failures.map(\.message).joined(separator: "\n"))
    }

    static func usage(_ message: String) -> CommandFailure { CommandFailure(.usage, message) }
    static func unreachable(_ message: String) -> CommandFailure { CommandFailure(.unreachable, message) }
}
