import Logging
import Redaction
import Synchronization
import Testing
import WireFormats

@testable import ServiceRuntime

private struct FixedClock: WallClock {
    func now() -> Timestamp { Timestamp(microsecondsSinceEpoch: 1_700_000_000_000_000) }
}

private final class Lines: Sendable {
    let all = Mutex<[[UInt8]]>([])
}

@Suite("JSON log lines")
struct JSONLogHandlerTests {
    private func line(_ body: (Logger) -> Void) throws -> JSONValue {
        let lines = Lines()
        let logger = Logger(label: "test") { _ in
            JSONLogHandler(service: "intake", level: .info, clock: FixedClock()) { line in
                lines.all.withLock { $0.append(line) }
            }
        }
        body(logger)
        let written = lines.all.withLock { $0 }
        let only = try #require(written.count == 1 ? written.first : nil)
        #expect(only.last == UInt8(ascii: "\n"))
        #expect(only.dropLast().contains(UInt8(ascii: "\n")) == false)
        return try JSONValue(parsing: Array(only.dropLast()))
    }

    @Test("A line is one JSON object with time, level, service, message and metadata")
    func shape() throws {
        let json = try line { $0.info("Accepted", metadata: [LogKey.task: "abc", LogKey.attempt: "\(2)"]) }
        #expect(json["time"]?.string == "2023-11-14T22:13:20Z")
        #expect(json["level"]?.string == "info")
        #expect(json["service"]?.string == "intake")
        #expect(json["message"]?.string == "Accepted")
        #expect(json["task_id"]?.string == "abc")
    }

    @Test("Line feeds and quotes in values do not break the line")
    func escaping() throws {
        let json = try line { $0.error("bad\nline", metadata: ["x": "a\"b\n{}"]) }
        #expect(json["message"]?.string == "bad\nline")
        #expect(json["x"]?.string == "a\"b\n{}")
    }

    @Test("A long value is cut")
    func bounded() throws {
        let json = try line { $0.info("m", metadata: ["x": .string(String(repeating: "y", count: 100_000))]) }
        #expect((json["x"]?.string?.count ?? 0) == JSONLogHandler.maximumValueLength + 1)
    }

    @Test("A secret in metadata is written as redacted")
    func secret() throws {
        let json = try line { $0.info("m", metadata: ["x": "\(SecretBytes(utf8: "hunter2"))"]) }
        #expect(json["x"]?.string == "<redacted>")
    }
}
