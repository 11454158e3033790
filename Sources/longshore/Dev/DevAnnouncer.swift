import ClusterSimulator
import LibPQ
import Logging
import Redaction
import ServiceLifecycle
import ServiceRuntime
import WireFormats

/// What the ready file says beside the address of the API.
struct DevFacts: Sendable {
    let token: String
    let kafka: String
    let database: SecretBytes
    let kubeconfig: String
    let webhookSecret: @Sendable () async throws -> String
}

/// Waits until all parts are ready, then writes the ready file and tells the person at the terminal.
struct DevAnnouncer: Service {
    let readiness: Readiness
    let ports: AsyncStream<Int>
    let readyFile: String?
    let logger: Logger
    let executors: Int
    let pool: PQPool
    let facts: DevFacts

    private static let patience = Duration.seconds(60)

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await announce()
                try await Task.sleep(for: .seconds(31_536_000_000))
            } catch is CancellationError {
                return
            }
        }
    }

    private func announce() async throws {
        var port = 0
        for await listening in ports {
            port = listening
            break
        }
        let deadline = ContinuousClock.now + Self.patience
        while true {
            let faults = await readiness.faults()
            if faults.isEmpty { break }
            guard ContinuousClock.now < deadline else {
                let text = faults.map { "\($0.key): \($0.value)" }.sorted().joined(separator: "; ")
                throw DevError("Not ready after \(Self.patience): \(text)")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        let http = "http://127.0.0.1:\(port)"
        if let readyFile {
            let json: JSONValue = [
                "http": .string(http), "token": .string(facts.token), "kafka": .string(facts.kafka),
                "postgres": .string(facts.database.exposeUTF8() ?? ""), "kubeconfig": .string(facts.kubeconfig),
                "webhookSecret": .string(try await facts.webhookSecret()),
            ]
            try PrivateFile.write(Array((json.text(pretty: true) + "\n").utf8), to: readyFile)
        }
        var metadata: Logger.Metadata = ["kubeconfig": "\(facts.kubeconfig)"]
        if port != 0 { metadata["http"] = "\(http)" }
        logger.info("Ready", metadata: metadata)
        Console.print(
            port == 0
                ? "Longshore is ready, without intake. Ctrl-C stops it."
                : "Longshore is ready on \(http). Ctrl-C stops it."
        )
    }
}
