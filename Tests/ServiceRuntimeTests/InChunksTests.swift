import ServiceRuntime
import Testing

@Suite struct InChunksTests {
    @Test(arguments: [0, 1, 63, 64, 127, 128, 129, 1_000, 1_001])
    func `every item is worked on once, in order, by neighbours`(count: Int) async {
        let items = Array(0..<count)
        let parts = await inChunks(of: items) { $0 }
        #expect(parts.flatMap { $0 } == items)
        #expect(parts.allSatisfy { !$0.isEmpty })
        if count < 128 { #expect(parts.count <= 1, "few items stay together") }
        #expect(parts.allSatisfy { $0.count < 128 }, "nobody waits for long")
    }

    @Test func `chunks are no smaller than is worth it`() async {
        let parts = await inChunks(of: Array(0..<10), smallest: 1) { $0.count }
        #expect(parts.reduce(0, +) == 10)
    }
}
