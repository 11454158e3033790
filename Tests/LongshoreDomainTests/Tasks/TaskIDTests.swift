import LongshoreDomain
import TestSupport
import Testing
import WireFormats

@Suite struct TaskIDTests {
    @Test func `the RFC's example of a version 7 UUID keeps its time and its bits`() throws {
        // RFC 9562 §A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F, 22 February 2022 19:22:22 UTC.
        let bytes = try #require(Hex.decode("017f22e279b07cc398c4dc0c0c07398f"))
        let id = TaskID(uuid: bytes)
        #expect(id.timestamp == Timestamp(rfc3339: "2022-02-22T19:22:22Z"))
        #expect(id.uuid == bytes)
        #expect(TaskID(id.text) == id)
    }

    @Test func `a text has 26 characters without look-alikes and reads back as itself`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            let id = TaskID(uuid: bytes)
            #expect(id.text.count == 26)
            #expect(id.text.allSatisfy { "0123456789abcdefghjkmnpqrstvwxyz".contains($0) })
            #expect(TaskID(id.text)?.uuid == bytes)
        }
    }

    @Test func `texts sort as identifiers do, later milliseconds behind earlier ones`() {
        var random = SeededGenerator(seed: 1)
        let ids = (0..<200).map { step in
            TaskID.v7(
                at: Timestamp(microsecondsSinceEpoch: 1_700_000_000_000_000 + Int64(step) * 1000),
                random: (0..<10).map { _ in UInt8.random(in: 0...255, using: &random) }
            )
        }
        #expect(ids.sorted() == ids)
        #expect(ids.map(\.text).sorted() == ids.map(\.text))
    }

    @Test func `version and variant are set whatever the random bytes`() {
        for byte in [UInt8(0), 255] {
            let id = TaskID.v7(at: Timestamp(microsecondsSinceEpoch: 0), random: [UInt8](repeating: byte, count: 10))
            #expect(id.uuid[6] >> 4 == 7)
            #expect(id.uuid[8] >> 6 == 2)
        }
    }

    @Test(arguments: [
        "", "0", "01hzy5c3d4e5f6g7h8j9kamnp", "01hzy5c3d4e5f6g7h8j9kamnpqr", "01HZY5C3D4E5F6G7H8J9KAMNPQ",
        "81hzy5c3d4e5f6g7h8j9kamnpq", "01hzy5c3d4e5f6g7h8j9kamnpi", "01hzy5c3d4e5f6g7h8j9kamnpl",
        "01hzy5c3d4e5f6g7h8j9kamnpo", "01hzy5c3d4e5f6g7h8j9kamnpu", "01hzy5c3d4e5f6g7h8j9kamn.q",
        "01hzy5c3d4e5f6g7h8j9kamné",
    ])
    func `what is not the one text of an identifier is refused`(text: String) {
        #expect(TaskID(text) == nil)
    }
}
