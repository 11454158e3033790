import ClusterSimulator
import RDKafka
import TestSupport

/// Delays and losses for every kind of call that an executor makes, drawn from a seed.
struct CallWeather {
    /// Whether no answer to a deletion of a Job is lost: then no deletion has a reason to be sent twice.
    let keepsDeletions: Bool
    private var faults: [APIFault] = []
    private let roundTrip: Duration

    private static let calls: [(verb: String, resource: String)] = [
        ("create", "jobs"), ("get", "jobs"), ("list", "jobs"), ("delete", "jobs"), ("list", "pods"),
        ("update", "pulltasks/status"), ("create", "pulltasks"), ("get", "pulltasks"), ("patch", "pulltasks"),
        ("create", "secrets"), ("delete", "secrets"), ("watch", "jobs"), ("watch", "pods"), ("watch", "pulltasks"),
    ]

    init(using random: inout SeededGenerator) {
        var keepsDeletions = true
        for call in Self.calls {
            if Int.random(in: 0..<4, using: &random) == 0 {
                faults.append(Self.loss(of: call, using: &random))
                if call == ("delete", "jobs") { keepsDeletions = false }
            }
            guard Int.random(in: 0..<4, using: &random) > 0 else { continue }
            let longest = Int.random(in: 50...1_200, using: &random)
            faults.append(
                APIFault(
                    .proceed,
                    verb: call.verb,
                    resource: call.resource,
                    count: nil,
                    delay: .milliseconds(Int.random(in: 0...longest, using: &random)),
                    longestDelay: .milliseconds(longest),
                    delaysAnswer: Bool.random(using: &random)
                )
            )
        }
        self.keepsDeletions = keepsDeletions
        roundTrip = .milliseconds(Int.random(in: 0...300, using: &random))
    }

    private static func loss(
        of call: (verb: String, resource: String),
        using random: inout SeededGenerator
    ) -> APIFault {
        let outcomes: [APIFault.Outcome] = [.drop, .status(500), .status(503), .status(429, retryAfterSeconds: 1)]
        return APIFault(
            outcomes.randomElement(using: &random) ?? .drop,
            verb: call.verb,
            resource: call.resource,
            count: Int.random(in: 1...3, using: &random),
            happensAfterwards: Bool.random(using: &random)
        )
    }

    /// Lets the calls of an executor, and its messages, have this weather.
    func begin(in world: ExecutorWorld, for user: String) throws {
        for var fault in faults {
            fault.user = user
            world.simulator.addFault(fault)
        }
        try world.kafka.setRoundTripTime(1, roundTrip)
    }
}
