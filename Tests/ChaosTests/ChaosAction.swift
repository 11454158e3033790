import DeploymentSupport
import TestSupport

/// Something bad that is done to a part, and undone again after a while.
enum ChaosAction: Sendable, CustomStringConvertible {
    /// `kill -9`, and started again after a while.
    case kill(Fleet.Service, Int)
    /// SIGTERM, and started again after a while.
    case stop(Fleet.Service, Int)
    /// SIGSTOP, and SIGCONT after a while.
    case pause(Fleet.Service, Int)
    /// The broker and the API server stop answering.
    case pauseHost
    /// PostgreSQL is stopped or crashes.
    case stopPostgres(crash: Bool)
    /// PostgreSQL accepts connections and never answers.
    case freezePostgres
    /// Every connection of PostgreSQL is cut.
    case cutPostgres
    /// A registry stops answering.
    case pauseRegistry(Int)
    /// The webhook receiver answers wrongly or not at all.
    case breakReceiver(ChaosReceiver.Mood)
    /// API calls fail before or after they took effect.
    case failAPI(status: Int64, verb: String?, resource: String?, afterwards: Bool)
    /// API calls take long.
    case slowAPI(milliseconds: Int64)
    /// Calls of some kinds take effect at once and are answered late, as behind a slow proxy.
    case slowAnswers([SlowCall])
    /// Every watch is cut; with their history gone they cannot resume.
    case cutWatches(compact: Bool)
    /// A node vanishes and comes back.
    case loseNode(Int)
    /// A node's Pods are evicted.
    case evict(Int)
    /// Pulls of a few images fail.
    case failPulls(String)

    /// A kind of call that is answered late.
    struct SlowCall: Sendable {
        var verb: String
        var resource: String
        /// How late, in milliseconds, drawn for each call.
        var milliseconds: ClosedRange<Int64>

        /// Creations that outlast their Job's work, and the writes of the status during which they are answered.
        static let lateCreations = [
            SlowCall(verb: "create", resource: "jobs", milliseconds: 200...900),
            SlowCall(verb: "update", resource: "pulltasks/status", milliseconds: 300...300),
        ]
    }

    /// What is done, in the words of the report.
    var description: String {
        switch self {
        case .kill(let service, let index): "kill -9 \(service.rawValue) \(index + 1)"
        case .stop(let service, let index): "stop \(service.rawValue) \(index + 1)"
        case .pause(let service, let index): "pause \(service.rawValue) \(index + 1)"
        case .pauseHost: "pause broker and API server"
        case .stopPostgres(let crash): crash ? "crash PostgreSQL" : "stop PostgreSQL"
        case .freezePostgres: "freeze PostgreSQL"
        case .cutPostgres: "cut all connections to PostgreSQL"
        case .pauseRegistry(let index): "pause registry \(index + 1)"
        case .breakReceiver(let mood): "webhook receiver: \(mood)"
        case .failAPI(let status, let verb, let resource, let afterwards):
            "API \(verb ?? "any call") \(resource ?? "anything"): "
                + (status == 0 ? "connection dropped" : "\(status)") + (afterwards ? " after the write" : "")
        case .slowAPI(let milliseconds): "API slower by \(milliseconds) ms"
        case .slowAnswers(let calls):
            "API answers late: "
                + calls.map { call in
                    let range = call.milliseconds
                    return "\(call.verb) \(call.resource) by \(range.lowerBound) to \(range.upperBound) ms"
                }
                .joined(separator: ", ")
        case .cutWatches(let compact): compact ? "cut watches and forget their history" : "cut watches"
        case .loseNode(let index): "lose node-\(index + 1)"
        case .evict(let index): "evict Pods of node-\(index + 1)"
        case .failPulls(let failure): "pulls fail: \(failure)"
        }
    }

    /// What no two actions may touch at the same time.
    var target: String {
        switch self {
        case .kill(let service, let index), .stop(let service, let index), .pause(let service, let index):
            "\(service.rawValue)-\(index)"
        case .pauseHost, .failAPI, .slowAPI, .slowAnswers, .cutWatches: "host"
        case .stopPostgres, .freezePostgres, .cutPostgres: "postgres"
        case .pauseRegistry(let index): "registry-\(index)"
        case .breakReceiver: "receiver"
        case .loseNode(let index), .evict(let index): "node-\(index)"
        case .failPulls: "pulls"
        }
    }
}

/// A schedule of actions: the same for the same seed.
struct ChaosPlan: Sendable {
    /// One action with its time.
    struct Step: Sendable {
        /// Seconds from the beginning.
        var at: Double
        /// What is done.
        var action: ChaosAction
        /// Seconds until it is undone.
        var lasts: Double
    }

    /// In the order of their times.
    let steps: [Step]

    /// Draws a schedule.
    ///
    /// - Parameters:
    ///   - seed: The same number gives the same schedule.
    ///   - seconds: How long it goes on.
    ///   - sizes: How many processes of each service there are.
    ///   - nodes: How many nodes there are.
    init(seed: UInt64, seconds: Double, sizes: [Fleet.Service: Int], nodes: Int) {
        var random = SeededGenerator(seed: seed)
        var steps: [Step] = []
        var time = 1.0
        while time < seconds {
            let (action, longest) = Self.action(sizes: sizes, nodes: nodes, using: &random)
            let lasts = min(Double.random(in: 0.2...longest, using: &random), max(0.2, seconds - time))
            steps.append(Step(at: time, action: action, lasts: lasts))
            time += Double.random(in: 1...5, using: &random)
        }
        self.steps = steps
    }

    private static func action(
        sizes: [Fleet.Service: Int],
        nodes: Int,
        using random: inout SeededGenerator
    ) -> (ChaosAction, longest: Double) {
        let services: [Fleet.Service] = [.executor, .executor, .executor, .intake, .intake, .notifier]
        let service = services.randomElement(using: &random) ?? .executor
        let member = Int.random(in: 0..<(sizes[service] ?? 1), using: &random)
        let node = Int.random(in: 0..<nodes, using: &random)
        switch Int.random(in: 0..<23, using: &random) {
        case 0...4: return (.kill(service, member), 4)
        case 5: return (.stop(service, member), 4)
        case 6, 7: return (.pause(service, member), 25)
        case 8: return (.pauseHost, 6)
        case 9: return (.stopPostgres(crash: Bool.random(using: &random)), 6)
        case 10: return (.freezePostgres, 8)
        case 11: return (.cutPostgres, 0.3)
        case 12: return (.pauseRegistry(Int.random(in: 0..<2, using: &random)), 8)
        case 13: return (.breakReceiver(ChaosReceiver.Mood.bad.randomElement(using: &random) ?? .hangs), 8)
        case 14, 15: return (failAPI(using: &random), 4)
        case 16: return (.slowAPI(milliseconds: Int64.random(in: 100...1_500, using: &random)), 6)
        case 17: return (.cutWatches(compact: Bool.random(using: &random)), 0.3)
        case 18: return (Bool.random(using: &random) ? .loseNode(node) : .evict(node), 8)
        case 19, 20: return (.slowAnswers(ChaosAction.SlowCall.lateCreations), 20)
        case 21: return (slowAnswers(using: &random), 15)
        default:
            let failures = ["network", "rateLimited", "hang"]
            return (.failPulls(failures.randomElement(using: &random) ?? "network"), 5)
        }
    }

    private static func slowAnswers(using random: inout SeededGenerator) -> ChaosAction {
        let calls = [
            ("create", "jobs"), ("delete", "jobs"), ("get", "jobs"), ("list", "jobs"), ("list", "pods"),
            ("update", "pulltasks/status"), ("create", "pulltasks"), ("get", "pulltasks"), ("create", "secrets"),
            ("delete", "secrets"),
        ]
        let some = calls.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random))
        return .slowAnswers(
            some.map { verb, resource in
                let longest = Int64.random(in: 200...1_500, using: &random)
                return .init(verb: verb, resource: resource, milliseconds: longest / 4...longest)
            }
        )
    }

    private static func failAPI(using random: inout SeededGenerator) -> ChaosAction {
        let statuses: [Int64] = [500, 503, 429, 0, 0]
        let verbs: [String?] = [nil, "create", "patch", "update", "delete", "list", "watch"]
        let resources: [String?] = [nil, "jobs", "secrets", "pulltasks", "leases"]
        return .failAPI(
            status: statuses.randomElement(using: &random) ?? 500,
            verb: verbs.randomElement(using: &random) ?? nil,
            resource: resources.randomElement(using: &random) ?? nil,
            afterwards: Bool.random(using: &random)
        )
    }
}
