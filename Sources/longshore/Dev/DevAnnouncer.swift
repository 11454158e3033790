import ClusterSimulator
import Logging
import Redaction
import ServiceLifecycle
import ServiceRuntime
import WireFormats

/// What the ready files say beside the addresses of the API and of the metrics.
struct DevFacts: Sendable {
    let token: String
    /// The file that holds the token alone.
    let tokenPath: String
    let kafka: String
    let database: SecretBytes
    let kubeconfig: String
    let webhookSecret: @Sendable () async throws -> String
}

/// Waits until all parts are ready, then writes the ready files and tells the person at the terminal what to do next.
struct DevAnnouncer: Service {
    let readiness: Readiness
    /// The port of the API; nothing comes where intake is left out.
    let ports: AsyncStream<Int>
    /// The port of metrics and health.
    let healthPorts: AsyncStream<Int>
    let hasIntake: Bool
    /// Where the addresses and the token are written: a file in the data folder, and the one that was asked for.
    let readyFiles: [String]
    let logger: Logger
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
        let port = hasIntake ? await ports.first { _ in true } : nil
        let healthPort = await healthPorts.first { _ in true }
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
        let http = port.map { "http://127.0.0.1:\($0)" }
        let health = healthPort.map { "http://127.0.0.1:\($0)" }
        var json: JSONValue = [
            "token": .string(facts.token), "kafka": .string(facts.kafka),
            "postgres": .string(facts.database.exposeUTF8() ?? ""), "kubeconfig": .string(facts.kubeconfig),
            "webhookSecret": .string(try await facts.webhookSecret()),
        ]
        json["http"] = http.map(JSONValue.string)
        json["health"] = health.map(JSONValue.string)
        for file in readyFiles { try PrivateFile.write(Array((json.text(pretty: true) + "\n").utf8), to: file) }
        var metadata: Logger.Metadata = ["kubeconfig": "\(facts.kubeconfig)"]
        if let http { metadata["http"] = "\(http)" }
        if let health { metadata["health"] = "\(health)" }
        logger.info("Ready", metadata: metadata)
        for line in lines(http: http, health: health) { Console.print(line) }
    }

    /// What the person is told: where everything is, and what to type next.
    private func lines(http: String?, health: String?) -> [String] {
        var lines = [
            http.map { "Longshore is ready on \($0). Ctrl-C stops it." }
                ?? "Longshore is ready, without intake. Ctrl-C stops it."
        ]
        if http != nil { lines.append("  token     \(facts.tokenPath)") }
        if let health { lines.append("  metrics   \(health)/metrics") }
        lines.append("  kubectl   export KUBECONFIG=\(ShellWord.quoted(facts.kubeconfig))")
        if http != nil, let file = readyFiles.last {
            let variable = "export LONGSHORE_READY_FILE=\(ShellWord.quoted(file))"
            lines.append("  next      \(variable); longshore submit nginx:1.27 --wait")
        }
        return lines
    }
}

/// Words for a shell's command line.
enum ShellWord {
    /// The word as it must be typed: in quotes where it has letters that a shell acts on.
    static func quoted(_ text: String) -> String {
        let plain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-:".contains($0)) }
        return plain && !text.isEmpty ? text : "'\(text.replacing("'", with: "'\\''"))'"
    }
}
