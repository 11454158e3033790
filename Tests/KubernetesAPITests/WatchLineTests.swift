import TestSupport
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite struct WatchLineTests {
    private func line(_ text: String) throws(KubernetesError) -> WatchLine { try WatchLine(Array(text.utf8)) }

    @Test func `each type of event is read`() throws {
        let object = pod("a", version: 7)
        #expect(try WatchLine(Array(watchLine("ADDED", object).utf8)) == .added(object))
        #expect(try WatchLine(Array(watchLine("MODIFIED", object).utf8)) == .modified(object))
        #expect(try WatchLine(Array(watchLine("DELETED", object).utf8)) == .deleted(object))
        let bookmark: JSONValue = ["kind": "Pod", "metadata": ["resourceVersion": "12", "creationTimestamp": nil]]
        #expect(try WatchLine(Array(watchLine("BOOKMARK", bookmark).utf8)) == .bookmark(resourceVersion: "12"))
    }

    @Test func `an error event is the server's error`() throws {
        let expired = #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#
        let gone = #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Gone","message":"too old"}}"#
        let bare = #"{"type":"ERROR","object":{"code":410}}"#
        for text in [expired, gone, bare] {
            let error = #expect(throws: KubernetesError.self) { try line(text) }
            #expect(error?.reason == .expired)
            #expect(error?.httpStatus == 410)
        }
        let other = #expect(throws: KubernetesError.self) { try line(#"{"type":"ERROR","object":{}}"#) }
        #expect(other?.reason == .internalError)
    }

    @Test(arguments: [
        "", "{", "[]", "null", "\"ADDED\"", "{}", #"{"type":"ADDED"}"#, #"{"object":{}}"#, #"{"type":1,"object":{}}"#,
        #"{"type":"ADDED","object":[]}"#, #"{"type":"ADDED","object":null}"#, #"{"type":"NEWS","object":{}}"#,
        #"{"type":"BOOKMARK","object":{}}"#, #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":""}}}"#,
        #"{"type":"ADDED","object":{}}{}"#, "\u{0}",
    ])
    func `what is no event is an error that quotes nothing`(text: String) {
        let error = #expect(throws: KubernetesError.self) { try line(text) }
        #expect(error?.reason == .invalidResponse)
        #expect(error?.message.contains("NEWS") == false)
    }

    @Test func `nesting without end is an error`() {
        let text = #"{"type":"ADDED","object":"# + String(repeating: #"{"a":"#, count: 100_000)
        #expect(throws: KubernetesError.self) { try line(text) }
    }

    /// Damages lines in all ways that bytes can be damaged: what comes out is an event or an error, never a crash.
    @Test(arguments: 1...40) func `damaged lines are events or errors`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &* 7_919)
        let seeds = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"].map {
            Array(watchLine($0, pod("näme-😀", version: 3)).utf8)
        }
        for _ in 0..<250 {
            guard var bytes = seeds.randomElement(using: &random) else { continue }
            for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                case 3: bytes.removeSubrange(index...)
                default: bytes += bytes[index...]
                }
            }
            var framer = WatchLineFramer()
            framer.append(bytes)
            while let line = try? framer.next() {
                if case .added(let object)? = try? WatchLine(line) { _ = try? Pod(json: object) }
                if case .modified(let object)? = try? WatchLine(line) { _ = try? Job(json: object) }
                if case .deleted(let object)? = try? WatchLine(line) { _ = try? Node(json: object) }
            }
        }
    }
}
