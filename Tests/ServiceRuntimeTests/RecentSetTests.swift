import ServiceRuntime
import Testing

@Suite struct RecentSetTests {
    @Test func `the latest are remembered, and the oldest are not for ever`() {
        var set = RecentSet<Int>(limit: 10)
        for element in 0..<1_000 {
            set.insert(element)
            for recent in max(0, element - 9)...element { #expect(set.contains(recent)) }
            #expect(!set.contains(element - 20))
        }
    }
}
