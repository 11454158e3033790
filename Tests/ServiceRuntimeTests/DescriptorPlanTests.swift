import Testing

@testable import ServiceRuntime

@Suite("A plan of files and connections")
struct DescriptorPlanTests {
    @Test(
        "keeps what the process needs for itself, whatever the listeners want",
        arguments: [160, 200, 256, 1_024, 65_536]
    )
    func keepsOwnWork(limit: Int) throws {
        let plan = try DescriptorPlan(limit: limit, ownWork: 100)
        let connections = plan.connections(wanted: 1_000_000)
        #expect(plan.healthConnections >= 4)
        #expect(connections >= 4)
        let refused = 2 * ListenerLimits.refusedAtOnce
        #expect(connections + plan.healthConnections + refused + plan.ownWork <= limit)
    }

    @Test("gives listeners no more than they want")
    func wanted() throws {
        let plan = try DescriptorPlan(limit: 65_536, ownWork: 100)
        #expect(plan.connections(wanted: 2_000) == 2_000)
        #expect(plan.healthConnections == 64)
    }

    @Test("refuses a limit that leaves too little for clients, with what to do")
    func tooLow() throws {
        let error = #expect(throws: SettingsError.self) { try DescriptorPlan(limit: 100, ownWork: 90) }
        let text = try #require(error?.description)
        #expect(text.hasPrefix("ulimit -n: this process may open 100 files and connections"))
        #expect(text.contains("raise the limit to 130 or more"))
    }

    @Test("is made from the limit of the process, which it raises where it may")
    func process() {
        let limit = DescriptorPlan.raiseLimit()
        #expect(limit >= 256)
        #expect(DescriptorPlan.raiseLimit() == limit)
    }
}
