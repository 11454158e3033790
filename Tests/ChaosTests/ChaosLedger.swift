import Curl
import DeploymentSupport
import FoundationEssentials
import TestSupport
import WireFormats

/// What became of everything: a table, and what is wrong in it.
struct ChaosLedger {
    /// A line of the table.
    struct Line {
        var what: String
        var count: String
        /// Whether the count is a loss, a leak or a growth.
        var isFault: Bool
    }

    private(set) var lines: [Line] = []
    /// What is wrong, in words.
    private(set) var faults: [String] = []

    mutating func note(_ what: String, _ count: Int) {
        lines.append(Line(what: what, count: "\(count)", isFault: false))
    }

    mutating func note(_ what: String, _ text: String) {
        lines.append(Line(what: what, count: text, isFault: false))
    }

    /// Notes what must not be.
    mutating func expectNone(_ what: String, _ found: [String]) {
        lines.append(Line(what: what, count: "\(found.count)", isFault: !found.isEmpty))
        faults += found.sorted().prefix(20).map { "\(what): \($0)" }
    }

    /// The table, and below it what is wrong.
    var text: String {
        let width = lines.map(\.what.count).max() ?? 0
        let table = lines.map { line in
            let padding = String(repeating: " ", count: width - line.what.count)
            return "  \(line.what)\(padding)  \(line.isFault ? "!" : " ") \(line.count)"
        }
        return (table + faults.map { "! \($0)" }).joined(separator: "\n")
    }

    // MARK: - Counting

    /// Counts tasks: each accepted one must have ended once, as what was asked allows.
    mutating func countTasks(
        of world: ChaosWorld,
        _ asked: [ChaosLoad.Asked],
        _ accounts: Accounts
    ) async throws {
        var states: [String: String] = [:]
        var unexpected: [String] = []
        for task in asked {
            let answer = try await world.fleet.api.send("GET", "/v1/tasks/\(task.id)")
            let state = answer.json["status"]?.string ?? "HTTP \(answer.status)"
            states[task.id] = state
            if !task.kind.ends.contains(state) {
                let nodes = try await world.fleet.api.send("GET", "/v1/tasks/\(task.id)/nodes")
                unexpected.append(
                    """
                    \(task.id) (\(task.kind.rawValue)) is \(state): \(answer.json["cause"]?.text() ?? ""), \
                    \(answer.json["message"]?.text() ?? ""); nodes: \(nodes.json["items"]?.text() ?? "")
                    """
                )
            }
        }
        note("tasks accepted", asked.count)
        for kind in ChaosLoad.Kind.allCases {
            let ended = Dictionary(grouping: asked.filter { $0.kind == kind }) { states[$0.id] ?? "" }
            let text = ended.sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }.joined(separator: ", ")
            note("  \(kind.rawValue)", text)
        }
        expectNone("tasks that ended as they must not, or not at all", unexpected)
        expectNone("tasks or nodes without exactly one terminal event, by id", accounts.faults(of: asked.map(\.id)))
        let strangers = Set(accounts.terminalEvents.keys).subtracting(asked.map(\.id))
        expectNone("tasks that nobody asked for", Array(strangers))
        try await countWebhooks(of: world, accounts, asked)
    }

    private mutating func countWebhooks(
        of world: ChaosWorld,
        _ accounts: Accounts,
        _ asked: [ChaosLoad.Asked]
    ) async throws {
        let receiver = world.receiver
        let told = Dictionary(grouping: receiver.deliveries, by: \.task).mapValues { Set($0.map(\.id)) }
        var wrong: [String] = []
        var waiting = 0
        for task in asked where told[task.id] != accounts.terminalEvents[task.id] {
            // After three failures the schedule waits for half an hour: what is written down to be sent then is not lost.
            let answer = try await world.fleet.api.send("GET", "/v1/tasks/\(task.id)/deliveries")
            let deliveries = answer.json["items"]?.array ?? []
            let isScheduled = deliveries.contains { $0["state"]?.string == "retrying" && $0["nextAttemptAt"] != nil }
            if told[task.id] == nil, isScheduled {
                waiting += 1
            } else {
                wrong.append(
                    """
                    \(task.id): webhooks \(told[task.id] ?? []), events \(accounts.terminalEvents[task.id] ?? []), \
                    deliveries \(JSONValue.array(deliveries).text())
                    """
                )
            }
        }
        let lateness = receiver.deliveries.map(\.lateness).sorted()
        note("webhooks, by id", receiver.deliveries.count)
        note("  that wait for an attempt to come, after failed ones", waiting)
        note("  sent again after success, with the same id", receiver.repeated)
        if let last = lateness.last {
            let median = lateness[lateness.count / 2]
            note("  seconds after the event, median and longest", "\(Self.rounded(median)), \(Self.rounded(last))")
            note("  later than a minute", lateness.count { $0 > 60 })
        }
        expectNone("webhooks missing, or of another event", wrong)
    }

    /// Counts what is left in the cluster once all has ended.
    mutating func countObjects(of world: ChaosWorld, tasks: [String]) async throws {
        let output = try await world.fleet.host.kubectl(
            "get",
            "jobs,secrets,pods",
            "-A",
            "-l",
            "app.kubernetes.io/managed-by=longshore,longshore.dev/task",
            "-o",
            "name"
        )
        expectNone("Jobs, Secrets and Pods left", output.split(separator: "\n").map(String.init))
        let own = try await world.fleet.host.kubectl("get", "secret", "team-pull", "-n", "longshore", "-o", "name")
        expectNone("Secrets of others that are gone", own.contains("team-pull") ? [] : ["team-pull"])
        let unfinished = try await world.fleet.host.kubectl(
            "get",
            "pulltasks",
            "-A",
            "-o",
            "jsonpath={range .items[*]}{.metadata.name}={.status.phase}{\"\\n\"}{end}"
        ).split(separator: "\n").map(String.init).filter { line in
            !["succeeded", "failed", "cancelled", "rejected"].contains { line.lowercased().hasSuffix("=\($0)") }
        }
        expectNone("PullTasks that have not ended", unfinished)
        try await countSlots(of: world)
    }

    /// Compares each executor's slots with the tasks that it owns in the cluster: once all have ended, both are none.
    private mutating func countSlots(of world: ChaosWorld) async throws {
        var taken: [String] = []
        var abandoned: [String] = []
        for member in world.fleet.members(.executor) {
            let metrics = try await Self.metrics(of: member)
            let running = metrics["longshore_executor_tasks_running"]
            let owned = metrics["longshore_executor_tasks_owned"]
            if running != 0 || owned != 0 {
                let counts = [running, owned].map { $0.map { "\(Int($0))" } ?? "unknown" }
                taken.append("\(member.name): \(counts[0]) slots are taken, \(counts[1]) tasks have not ended")
            }
            if let count = metrics["longshore_executor_slots_abandoned_total"], count > 0 {
                abandoned.append("\(member.name): \(Int(count))")
            }
        }
        expectNone("executors whose slots are taken though all tasks have ended", taken)
        expectNone("executors that had to free slots of ended tasks by force", abandoned)
    }

    /// The metrics of a service that have no labels, by name.
    private static func metrics(of member: Fleet.Member) async throws -> [String: Double] {
        let client = try APIClient(base: member.health, token: "")
        let answer: APIClient.Answer
        do {
            answer = try await client.send("GET", "/metrics")
        } catch {
            await client.close()
            throw error
        }
        await client.close()
        var values: [String: Double] = [:]
        for line in String(decoding: answer.response.body, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2 { values[String(parts[0])] = Double(parts[1]) }
        }
        return values
    }

    /// Compares what processes hold with what they held when all was well.
    mutating func compare(_ before: [String: Footprint], _ after: [String: Footprint]) {
        var grown: [String] = []
        for (name, now) in after.sorted(by: { $0.key < $1.key }) {
            guard let then = before[name] else { continue }
            note(
                "\(name): MiB, descriptors, threads",
                "\(Int(then.memory)) → \(Int(now.memory)), \(then.descriptors) → \(now.descriptors), "
                    + "\(then.threads) → \(now.threads)"
            )
            if now.hasGrown(since: then) { grown.append(name) }
        }
        expectNone("processes that have grown", grown)
    }

    private static func rounded(_ seconds: Double) -> String {
        "\((seconds * 10).rounded() / 10)"
    }
}
