import LongshoreDomain
import Testing
import WireFormats

/// What is over a limit is refused at the limit, not after it has been worked through.
@Suite("The cost of a request over its limits") struct RequestCostTests {
    private static let many = 30_000

    private static func images(_ count: Int) -> JSONValue {
        ["images": .array((0..<count).map { .string("quay.io/team/app:\($0)") })]
    }

    private static func field(_ name: String, _ value: JSONValue) -> JSONValue {
        ["images": ["nginx"], "\(name)": value]
    }

    private static func list(_ count: Int, _ item: (Int) -> JSONValue) -> JSONValue { .array((0..<count).map(item)) }

    private static func map(_ count: Int, _ value: JSONValue) -> JSONValue {
        .object((0..<count).reduce(into: JSONObject()) { $0["key-\($1)"] = value })
    }

    /// A request with one list of a size.
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String
        let limit: Int
        let request: @Sendable (Int) -> JSONValue
        var testDescription: String { name }
    }

    static let kinds = [
        Kind(name: "images", limit: 100) { images($0) },
        Kind(name: "registryCredentials", limit: 64) { count in
            field(
                "registryCredentials",
                list(count) { ["registry": "h\($0).example.com", "secretRef": ["name": "a"]] }
            )
        },
        Kind(name: "nodes/names", limit: 5_000) { count in
            field("nodes", ["names": list(count) { .string("node-\($0)") }])
        },
        Kind(name: "nodes/matchLabels", limit: 64) { field("nodes", ["matchLabels": map($0, "v")]) },
        Kind(name: "nodeSelector", limit: 64) { field("nodeSelector", map($0, "v")) },
        Kind(name: "nodes/matchExpressions", limit: 32) { count in
            field("nodes", ["matchExpressions": list(count) { ["key": "k\($0)", "operator": "Exists"] }])
        },
        Kind(name: "nodes/tolerations", limit: 32) { count in
            field("nodes", ["tolerations": list(count) { ["key": "k\($0)", "operator": "Exists"] }])
        },
        Kind(name: "labels", limit: 64) { field("labels", map($0, "v")) },
        Kind(name: "checks", limit: 16) { field("checks", list($0) { _ in "registry" }) },
        Kind(name: "webhookEvents", limit: 32) { field("webhookEvents", list($0) { _ in "task.failed" }) },
        Kind(name: "overrides", limit: 32) { count in
            field("overrides", list(count) { ["matchLabels": ["a": .string("v\($0)")], "secrets": [["x": 1]]] })
        },
        Kind(name: "dockerConfigJson", limit: 64) { count in
            field("registryCredentials", [["dockerConfigJson": ["auths": map(count, ["auth": "dTpw"])]]])
        },
        Kind(name: "unknown fields", limit: 300) { map($0, 1) },
    ]

    @Test("does not grow with what is over them", arguments: kinds)
    func cost(kind: Kind) {
        let (allowed, over) = (kind.request(kind.limit), kind.request(max(Self.many, 6 * kind.limit)))
        #expect(
            faults(over).contains { $0.hasSuffix("tooMany") || $0.hasSuffix("unknownField") || $0.hasSuffix("Config") }
        )
        let factor = Self.time(over) / Self.time(allowed)
        // A hundred times as much and more: what is left is counting, and looking at the names of fields.
        let bound = kind.name == "unknown fields" ? 60.0 : 12.0
        #expect(factor < bound, "\(factor)")
    }

    /// The shortest time of several readings: what else the machine does only makes them longer.
    private static func time(_ request: JSONValue) -> Double {
        (0..<7).map { _ in
            ContinuousClock().measure { _ = try? TaskRequest.parse(request, channel: .http) } / .nanoseconds(1)
        }
        .min() ?? 0
    }

    @Test("still finds a secret in the clear behind them where none may be")
    func plaintext() {
        var entries = (0..<64).map { JSONValue.object(["registry": .string("h\($0).io"), "secretRef": ["name": "a"]]) }
        entries.append(["registry": "h.io", "secretRef": ["name": "a"]])
        entries.append(["registry": "i.io", "username": "u", "password": "p"])
        let request: JSONValue = ["images": ["nginx"], "registryCredentials": .array(entries)]
        let error = #expect(throws: RequestFaults.self) { try TaskRequest.parse(request, channel: .kafka) }
        #expect(error?.containsPlaintextCredential == true)
        #expect(error?.faults.contains { $0.pointer.description == "/registryCredentials/65" } == true)
    }
}
