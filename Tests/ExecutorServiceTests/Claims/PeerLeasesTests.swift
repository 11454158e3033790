import RDKafka
import Testing

@testable import ExecutorService

@Suite struct PeerLeasesTests {
    static let start = ContinuousClock.now

    private func expect(
        _ peers: inout PeerLeases,
        _ identity: String,
        at time: ContinuousClock.Instant,
        isExpired: Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = peers.isExpired(identity, at: time)
        #expect(found == isExpired, sourceLocation: sourceLocation)
    }

    @Test func `a Lease runs out when it is not seen to change, whatever it says`() {
        var peers = PeerLeases(defaultDuration: .seconds(15))
        peers.observe("a", version: "1", duration: .seconds(15), at: Self.start)
        expect(&peers, "a", at: Self.start + .seconds(15), isExpired: false)
        expect(&peers, "a", at: Self.start + .seconds(15.1), isExpired: true)
        peers.observe("a", version: "1", duration: .seconds(15), at: Self.start + .seconds(14))
        expect(&peers, "a", at: Self.start + .seconds(16), isExpired: true)
        peers.observe("a", version: "2", duration: .seconds(15), at: Self.start + .seconds(16))
        expect(&peers, "a", at: Self.start + .seconds(30), isExpired: false)
        #expect(peers.living(at: Self.start + .seconds(20)) == ["a"])
        #expect(peers.living(at: Self.start + .seconds(40)).isEmpty)
    }

    @Test func `a missing Lease runs out a duration after it was first missed`() {
        var peers = PeerLeases(defaultDuration: .seconds(15))
        expect(&peers, "b", at: Self.start, isExpired: false)
        expect(&peers, "b", at: Self.start + .seconds(15), isExpired: false)
        expect(&peers, "b", at: Self.start + .seconds(16), isExpired: true)
        peers.observe("b", version: "1", duration: nil, at: Self.start + .seconds(17))
        expect(&peers, "b", at: Self.start + .seconds(18), isExpired: false)
        peers.remove("b", at: Self.start + .seconds(20))
        expect(&peers, "b", at: Self.start + .seconds(34), isExpired: false)
        expect(&peers, "b", at: Self.start + .seconds(36), isExpired: true)
    }

    @Test func `a slow executor with a longer Lease keeps it`() {
        var peers = PeerLeases(defaultDuration: .seconds(15))
        peers.observe("slow", version: "1", duration: .seconds(120), at: Self.start)
        expect(&peers, "slow", at: Self.start + .seconds(100), isExpired: false)
    }

    @Test func `identities fit into a Lease's name`() {
        for text in ["Host.Example_1", "---", "", String(repeating: "x", count: 400), "naïve"] {
            let configuration = ExecutorConfiguration(
                identity: text,
                kafka: .init(bootstrapServers: "x", clientID: "x")
            )
            #expect(!configuration.identity.isEmpty && configuration.leaseName.count <= 253)
            #expect(
                configuration.leaseName.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
            )
        }
    }
}
