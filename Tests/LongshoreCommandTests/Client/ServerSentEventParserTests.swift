import Testing

@testable import longshore

@Suite("Server-sent events") struct ServerSentEventParserTests {
    private func parse(_ text: String, pieces: Int = 1) throws -> [ServerSentEvent] {
        var parser = ServerSentEventParser()
        let bytes = Array(text.utf8)
        var events: [ServerSentEvent] = []
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            events += try parser.feed(bytes[start..<min(start + pieces, bytes.count)])
        }
        return events
    }

    @Test("are the same however the stream is cut", arguments: [1, 2, 3, 7, 1_000])
    func pieces(size: Int) throws {
        let text = """
            \u{FEFF}retry: 2000

            : still here

            id: 1
            event: task.queued
            data: {"a":
            data: 1}

            id: 2
            data:x
            unknown: y

            event: nothing

            data: lost
            """
        #expect(
            try parse(text, pieces: size) == [
                ServerSentEvent(id: "1", type: "task.queued", data: "{\"a\":\n1}"),
                ServerSentEvent(id: "2", type: "message", data: "x"),
            ]
        )
    }

    @Test("end lines with CR, LF or both", arguments: ["\n", "\r", "\r\n"])
    func lineEnds(end: String) throws {
        let text = ["id: 7", "event: e", "data: 1", "data", "", "data: 2", "", ""].joined(separator: end)
        #expect(
            try parse(text) == [
                ServerSentEvent(id: "7", type: "e", data: "1\n"), ServerSentEvent(id: "7", type: "message", data: "2"),
            ]
        )
    }

    @Test("give the id of the last whole one to come back with, and none with a NUL in it")
    func identifiers() throws {
        var parser = ServerSentEventParser(resumingAt: "5")
        #expect(parser.lastEventID == "5")
        _ = try parser.feed(Array("id: a\0b\n\nid: 9\ndata: cut".utf8))
        #expect(parser.lastEventID == "5")
        _ = try parser.feed(Array("\n\n".utf8))
        #expect(parser.lastEventID == "9")
    }

    @Test("without end are given up")
    func endless() {
        var parser = ServerSentEventParser()
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        #expect(throws: ServerSentEventParser.TooLarge.self) {
            for _ in 0..<5 { _ = try parser.feed(piece) }
        }
    }
}
