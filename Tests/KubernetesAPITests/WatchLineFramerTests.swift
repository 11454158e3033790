import TestSupport
import Testing

@testable import KubernetesAPI

@Suite struct WatchLineFramerTests {
    @Test func `a line may come in any number of chunks`() throws {
        var framer = WatchLineFramer()
        framer.append(Array("{\"a\"".utf8))
        #expect(try framer.next() == nil)
        framer.append([])
        #expect(try framer.next() == nil)
        framer.append(Array(":1}\n{\"b".utf8))
        #expect(try framer.next() == Array("{\"a\":1}".utf8))
        #expect(try framer.next() == nil)
        framer.append(Array("\":2}\n".utf8))
        #expect(try framer.next() == Array("{\"b\":2}".utf8))
        #expect(try framer.next() == nil)
        #expect(framer.finish() == nil)
    }

    @Test func `empty lines and carriage returns are left out`() throws {
        var framer = WatchLineFramer()
        framer.append(Array("\n\r\na\r\n\nb\n\r\n".utf8))
        #expect(try framer.next() == Array("a".utf8))
        #expect(try framer.next() == Array("b".utf8))
        #expect(try framer.next() == nil)
        #expect(framer.finish() == nil)
    }

    @Test func `a last line without an end is told at the end`() throws {
        var framer = WatchLineFramer()
        framer.append(Array("a\nrest".utf8))
        #expect(try framer.next() == Array("a".utf8))
        #expect(try framer.next() == nil)
        #expect(framer.pendingBytes == 4)
        #expect(framer.finish() == Array("rest".utf8))
        #expect(framer.finish() == nil)
    }

    @Test func `a line without end is refused once it is too long`() throws {
        var framer = WatchLineFramer(maximumLineBytes: 8)
        framer.append(Array("12345678\n".utf8))
        #expect(try framer.next() == Array("12345678".utf8))
        framer.append(Array("123456789".utf8))
        #expect(throws: KubernetesError.self) { try framer.next() }
        var other = WatchLineFramer(maximumLineBytes: 8)
        other.append(Array("123456789\n".utf8))
        #expect(throws: KubernetesError.self) { try other.next() }
    }

    @Test(arguments: 1...64) func `lines do not depend on where chunks are cut`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var lines: [[UInt8]] = []
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            // Any byte but the two that end lines.
            let count = Int.random(in: 1...200, using: &random)
            lines.append((0..<count).map { _ in UInt8.random(in: 14...255, using: &random) })
        }
        var bytes: [UInt8] = []
        for line in lines { bytes += line + [0x0A] }
        var framer = WatchLineFramer()
        var found: [[UInt8]] = []
        while !bytes.isEmpty {
            let size = min(bytes.count, Int.random(in: 1...(seed.isMultiple(of: 2) ? 3 : 500), using: &random))
            framer.append(Array(bytes.prefix(size)))
            bytes.removeFirst(size)
            while let line = try framer.next() { found.append(line) }
        }
        #expect(found == lines)
        #expect(framer.finish() == nil)
    }
}
