import Testing

@testable import KubernetesAPI

@Suite struct WatchLineFramerTests {
    @Test func `a line may come in any number of chunks`() throws {
        var framer = WatchLineFramer()
        framer.append(Array("{\"a\"".utf8))
        #expect(try framer.next() == nil)
        framer.append(Array(":1}\n{\"b".utf8))
        #expect(try framer.next() == Array("{\"a\":1}".utf8))
        #expect(try framer.next() == nil)
        framer.append(Array("\":2}\n".utf8))
        #expect(try framer.next() == Array("{\"b\":2}".utf8))
        #expect(try framer.next() == nil)
        #expect(framer.finish() == nil)
    }
}
