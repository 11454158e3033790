package import Glibc
import Synchronization

/// A program that a test runs: in a process group of its own, with its output in files, and killed by the kernel when
/// the test run ends for whatever reason.
///
/// Thread safety: every method may be called from anywhere.
package final class TestProcess: Sendable {
    /// How a program ended.
    package enum Termination: Sendable, Equatable {
        /// It ended by itself with this code.
        case exited(Int32)
        /// A signal ended it.
        case signalled(Int32)
    }

    /// The process id, which is its process group's as well.
    package let processIdentifier: pid_t
    /// The file that collects the standard output.
    package let standardOutputPath: String
    /// The file that collects the standard error.
    package let standardErrorPath: String

    private let name: String
    private let directory: TemporaryDirectory
    private let termination = Mutex<Termination?>(nil)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - executable: A path, or a name to be looked up in `PATH`.
    ///   - arguments: Without the program's own name.
    ///   - environment: Added to the environment of the tests.
    ///   - inheritsEnvironment: False starts it with `environment` alone.
    ///   - workingDirectory: Nil means that of the tests.
    ///   - user: Run as this user. Has an effect only where the tests run as root.
    package init(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        inheritsEnvironment: Bool = true,
        workingDirectory: String? = nil,
        user: String? = nil
    ) throws {
        directory = try TemporaryDirectory(prefix: "run")
        name = executable
        standardOutputPath = directory.appending("stdout")
        standardErrorPath = directory.appending("stderr")
        var command = ["setpriv", "--pdeathsig", "KILL"]
        if let user, geteuid() == 0 {
            command += ["--reuid", user, "--regid", user, "--init-groups"]
        }
        command.append("--")
        if let workingDirectory { command += ["env", "-C", workingDirectory] }
        command.append(executable)
        var variables = inheritsEnvironment ? inheritedEnvironment() : [:]
        if variables["PATH"] == nil { variables["PATH"] = inheritedEnvironment()["PATH"] }
        variables.merge(environment) { $1 }
        let request = SpawnRequest(
            command: command + arguments,
            environment: variables.map { "\($0)=\($1)" },
            standardOutputPath: standardOutputPath,
            standardErrorPath: standardErrorPath
        )
        processIdentifier = try Spawner.shared.spawn(request)
    }

    deinit {
        if poll() == nil {
            kill(-processIdentifier, SIGKILL)
            var status: Int32 = 0
            waitpid(processIdentifier, &status, 0)
        }
    }

    /// Whether the program is still there.
    package var isRunning: Bool { poll() == nil }

    /// What it has written to its standard output so far.
    package var standardOutput: String { readFile(standardOutputPath) }

    /// What it has written to its standard error so far.
    package var standardError: String { readFile(standardErrorPath) }

    /// Sends a signal to the program, or to its whole process group.
    package func signal(_ number: Int32, wholeGroup: Bool = false) {
        guard poll() == nil else { return }
        kill(wholeGroup ? -processIdentifier : processIdentifier, number)
    }

    /// Waits for the program's end.
    ///
    /// - Throws: ``TestSupportError`` when it still runs after `timeout`; the error quotes the end of its output.
    @discardableResult
    package func waitForExit(timeout: Duration = .seconds(60)) async throws -> Termination {
        do {
            return try await waitForValue(timeout: timeout, "the end of \(name)") { poll() }
        } catch let error as TestSupportError {
            throw TestSupportError("\(error.description); its standard error ends: \(standardError.suffix(2_000))")
        }
    }

    /// Ends the program: SIGTERM first, SIGKILL to its whole group when it has not gone after `gracePeriod`.
    @discardableResult
    package func stop(gracePeriod: Duration = .seconds(10)) async -> Termination {
        signal(SIGTERM)
        if let ended = try? await waitForExit(timeout: gracePeriod) { return ended }
        return await killNow()
    }

    /// Ends the program and its whole group with SIGKILL.
    @discardableResult
    package func killNow() async -> Termination {
        while true {
            if let ended = poll() { return ended }
            kill(-processIdentifier, SIGKILL)
            // Not cancellable on purpose: the program must be gone when this returns.
            await Task { try? await Task.sleep(for: .milliseconds(5)) }.value
        }
    }

    /// Runs a program to its end and returns what it wrote.
    ///
    /// - Throws: ``TestSupportError`` when it does not end in time or, with `check`, ends with another code than 0.
    @discardableResult
    package static func run(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        workingDirectory: String? = nil,
        user: String? = nil,
        timeout: Duration = .seconds(120),
        check: Bool = true
    ) async throws -> (termination: Termination, standardOutput: String, standardError: String) {
        let process = try TestProcess(
            executable,
            arguments,
            environment: environment,
            workingDirectory: workingDirectory,
            user: user
        )
        let ended = try await process.waitForExit(timeout: timeout)
        if check, ended != .exited(0) {
            throw TestSupportError("\(executable) ended with \(ended): \(process.standardError.suffix(4_000))")
        }
        return (ended, process.standardOutput, process.standardError)
    }

    private func poll() -> Termination? {
        termination.withLock { known in
            if let known { return known }
            var status: Int32 = 0
            guard waitpid(processIdentifier, &status, WNOHANG) == processIdentifier else { return nil }
            let signal = status & 0x7F
            known = signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
            return known
        }
    }
}

/// What `posix_spawn` needs to know.
private struct SpawnRequest: Sendable {
    let command: [String]
    let environment: [String]
    let standardOutputPath: String
    let standardErrorPath: String
}

/// The one thread that starts all programs.
///
/// The kernel sends the parent-death signal when the *thread* that started the program ends, and the threads of the
/// cooperative pool come and go; this thread stays as long as the process does.
private final class Spawner: Sendable {
    static let shared = Spawner()

    private struct Order: Sendable {
        let request: SpawnRequest
        let box: ResultBox
    }

    private final class ResultBox: Sendable {
        let result = Mutex<Result<pid_t, TestSupportError>?>(nil)
    }

    private let orders = Mutex<[Order]>([])
    private nonisolated(unsafe) let wake: UnsafeMutablePointer<sem_t>

    private init() {
        wake = .allocate(capacity: 1)
        sem_init(wake, 0, 0)
        signal(SIGPIPE, SIG_IGN)
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Spawner>.fromOpaque(context).takeUnretainedValue().serve()
                return nil
            },
            Unmanaged.passRetained(self).toOpaque()
        )
    }

    func spawn(_ request: SpawnRequest) throws -> pid_t {
        let box = ResultBox()
        orders.withLock { $0.append(Order(request: request, box: box)) }
        sem_post(wake)
        // Starting a program takes about a millisecond; a test may wait for that long.
        while true {
            if let result = box.result.withLock({ $0 }) { return try result.get() }
            usleep(200)
        }
    }

    private func serve() {
        while true {
            guard sem_wait(wake) == 0 else { continue }
            guard let order = orders.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { continue }
            let result = Result { () throws(TestSupportError) in try start(order.request) }
            order.box.result.withLock { $0 = result }
        }
    }
}

private func start(_ request: SpawnRequest) throws(TestSupportError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, request.standardOutputPath, flags, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, request.standardErrorPath, flags, 0o644)

    // C libraries open sockets and pipes that children inherit; a server that finds hundreds of them may refuse to start.
    for descriptor in openDescriptors() where descriptor > 2 {
        posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var reset = sigset_t()
    sigemptyset(&reset)
    for number in [SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD] { sigaddset(&reset, number) }
    posix_spawnattr_setsigdefault(&attributes, &reset)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
        &attributes,
        Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
    )

    let arguments: [UnsafeMutablePointer<CChar>?] = request.command.map { strdup($0) } + [nil]
    let variables: [UnsafeMutablePointer<CChar>?] = request.environment.map { strdup($0) } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    var processIdentifier = pid_t()
    let code = posix_spawnp(&processIdentifier, request.command[0], &actions, &attributes, arguments, variables)
    guard code == 0 else {
        throw TestSupportError("posix_spawn \(request.command[0]): \(String(cString: strerror(code)))")
    }
    return processIdentifier
}

/// The descriptors that are open now. One that is closed before the program starts does no harm: closing it is no error.
private func openDescriptors() -> [Int32] {
    guard let stream = opendir("/proc/self/fd") else { return [] }
    defer { closedir(stream) }
    var descriptors: [Int32] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if let descriptor = Int32(name) { descriptors.append(descriptor) }
    }
    return descriptors
}

private func inheritedEnvironment() -> [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
        let text = String(cString: entry)
        if let split = text.firstIndex(of: "=") {
            variables[String(text[..<split])] = String(text[text.index(after: split)...])
        }
        next += 1
    }
    return variables
}
