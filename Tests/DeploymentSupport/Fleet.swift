import FoundationEssentials
import Synchronization
package import TestSupport
import WireFormats

/// A deployment whose services are processes of their own: each can be killed, paused and started again, while the
/// database, the broker and the cluster stay.
package final class Fleet: Sendable {
    /// Which service a process is.
    package enum Service: String, Sendable, CaseIterable {
        /// HTTP API, consumer of requests and projector.
        case intake
        /// Works on tasks.
        case executor
        /// Sends webhooks.
        case notifier
    }

    /// A service that was started, with what it takes to start it again as the same one.
    package struct Member: Sendable {
        /// Which service it is.
        package let service: Service
        /// Its name: an executor's identity.
        package let name: String
        /// The process.
        package let process: TestProcess
        /// Where `/healthz`, `/readyz` and `/metrics` are.
        package let health: String
        fileprivate let arguments: [String]
    }

    /// The process with the broker and the simulated cluster.
    package let host: Deployment
    /// The database.
    package let postgres: PostgresServer
    /// The API, on a port that stays the same when intake is started again.
    package let api: APIClient
    /// The address of the API.
    package let http: String
    /// A ready file for the command's client options.
    package let readyFile: String

    private let port: Int
    private let environment: [String: String]
    private let state = Mutex<[Member]>([])

    private init(host: Deployment, postgres: PostgresServer, environment: [String: String]) throws {
        self.host = host
        self.environment = environment
        self.postgres = postgres
        port = try freePort()
        http = "http://127.0.0.1:\(port)"
        api = try APIClient(base: http, token: host.token)
        let facts: JSONValue = [
            "http": .string(http), "token": .string(host.token), "kafka": .string(host.kafka),
            "kubeconfig": .string(host.kubeconfig),
        ]
        readyFile = try host.folder.write("fleet.json", facts.text())
        _ = try host.folder.write("postgres-url", postgres.url())
    }

    /// Starts the host, and then services.
    ///
    /// - Parameters:
    ///   - nodes: How many simulated nodes there are.
    ///   - executors: How many executors to start, named `executor-1` and so on.
    ///   - intakes: 0 or 1.
    ///   - notifiers: 0 or more.
    ///   - hostArguments: Further arguments of `longshore dev`.
    ///   - given: The database; one of its own by default.
    ///   - environment: Added to every process's environment.
    package static func start(
        nodes: Int = 5,
        executors: Int = 1,
        intakes: Int = 1,
        notifiers: Int = 1,
        hostArguments: [String] = [],
        postgres given: PostgresServer? = nil,
        environment: [String: String] = [:]
    ) async throws -> Fleet {
        let postgres: PostgresServer
        if let given { postgres = given } else { postgres = try await PostgresServer() }
        let host = try await Deployment.start(
            ["--nodes", "\(nodes)", "--executors", "0", "--without", "intake", "--without", "notifier"] + hostArguments,
            postgres: postgres,
            environment: environment
        )
        let fleet = try Fleet(host: host, postgres: postgres, environment: environment)
        var started: [Member] = []
        for _ in 0..<intakes { started.append(try fleet.start(.intake)) }
        for index in 0..<executors { started.append(try fleet.start(.executor, name: "executor-\(index + 1)")) }
        for index in 0..<notifiers { started.append(try fleet.start(.notifier, name: "notifier-\(index + 1)")) }
        for member in started { try await fleet.waitUntilReady(member) }
        if executors > 0, intakes > 0 { try await fleet.waitUntilSealing() }
        return fleet
    }

    /// Waits until intake has heard of a key to seal credentials with; before that it takes none.
    package func waitUntilSealing() async throws {
        try await waitUntil(timeout: .seconds(60), "a sealing key") {
            let clusters = try await api.send("GET", "/v1/clusters").json["items"]?.array ?? []
            return clusters.contains { $0["keys"]?.array?.isEmpty == false }
        }
    }

    /// Starts a service; does not wait until it is ready.
    ///
    /// - Parameters:
    ///   - service: Which one.
    ///   - name: Its name; an executor's identity.
    ///   - arguments: Further keys, such as `["--maximum-tasks", "3"]`.
    ///   - environment: Added to the process's environment.
    ///   - openFiles: How many files and connections it may open at once (`ulimit -n`); nil for as many as this process.
    @discardableResult
    package func start(
        _ service: Service,
        name: String? = nil,
        arguments: [String] = [],
        environment: [String: String] = [:],
        openFiles: Int? = nil
    ) throws -> Member {
        let health = "127.0.0.1:\(try freePort())"
        var all = [
            service.rawValue, "--health-address", health, "--kafka-bootstrap-servers", host.kafka,
            "--kafka-session-timeout-seconds", "6", "--kafka-properties", "heartbeat.interval.ms=1000",
            "--kafka-replication", "1", "--kafka-partitions", "4",
        ]
        if service != .executor { all += ["--postgres-url-file", host.folder.appending("postgres-url")] }
        switch service {
        case .intake:
            all += ["--listen", "127.0.0.1:\(port)", "--auth-file", host.folder.appending("dev/auth.json")]
        case .executor:
            all += ["--identity", name ?? "executor", "--puller-priority-class", "longshore-puller"]
        case .notifier:
            all += ["--webhook-allow-loopback", "true", "--webhook-allow-private", "true"]
        }
        all += host.clusterArguments(service)
        var command = [TestTarget.binary] + all + arguments
        if let openFiles { command = ["bash", "-c", "ulimit -n \(openFiles) && exec \"$0\" \"$@\""] + command }
        let process = try TestProcess(
            command[0],
            Array(command.dropFirst()),
            environment: self.environment.merging(environment) { $1 }
        )
        let member = Member(
            service: service,
            name: name ?? service.rawValue,
            process: process,
            health: "http://\(health)",
            arguments: arguments
        )
        state.withLock { $0.append(member) }
        return member
    }

    /// Starts a service again under its name, after it ended.
    @discardableResult
    package func restart(_ member: Member) throws -> Member {
        state.withLock { $0.removeAll { $0.process === member.process } }
        return try start(member.service, name: member.name, arguments: member.arguments)
    }

    /// Waits until a service's dependencies answer.
    package func waitUntilReady(_ member: Member, timeout: Duration = .seconds(60)) async throws {
        let client = try APIClient(base: member.health, token: "")
        do {
            try await waitUntil(timeout: timeout, "\(member.name) to be ready") {
                guard member.process.isRunning else {
                    throw TestSupportError("\(member.name) ended: \(member.process.standardError.suffix(4_000))")
                }
                return (try? await client.send("GET", "/readyz").status) == 200
            }
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    /// What is started, in order of its start; includes what has ended by itself.
    package var members: [Member] { state.withLock { $0 } }

    /// The members of one service.
    package func members(_ service: Service) -> [Member] { members.filter { $0.service == service } }

    /// Stops all services as Kubernetes does, then the host and the database.
    package func stop() async {
        await api.close()
        await withTaskGroup { group in
            for member in members {
                group.addTask { _ = await member.process.stop(gracePeriod: .seconds(35)) }
            }
        }
        _ = await host.stop()
        await postgres.stop()
    }
}
