import Testing

@testable import Curl

@Suite struct CurlHeadParserTests {
    private func parse(_ lines: [String]) -> CurlHeadParser.Outcome {
        var parser = CurlHeadParser()
        var last = CurlHeadParser.Outcome.incomplete
        for line in lines { last = parser.take(Array(line.utf8)) }
        return last
    }

    @Test func `status and headers are put together`() throws {
        let outcome = parse(["HTTP/1.1 200 OK\r\n", "A: 1 \r\n", "a:2\r\n", "Folded: x\r\n", "\ty\r\n", "\r\n"])
        guard case .complete(let head) = outcome else { throw TestFailure() }
        #expect(head.status == 200)
        #expect(head.headers.map(\.name) == ["A", "a", "Folded"])
        #expect(head.headers.map(\.value) == ["1", "2", "x y"])
    }

    @Test func `interim responses are dropped with their headers`() throws {
        let outcome = parse([
            "HTTP/1.1 100 Continue\r\n", "X: 1\r\n", "\r\n", "HTTP/1.1 103 Early Hints\r\n", "\r\n", "HTTP/2 404 \r\n",
            "B: 2\r\n", "\r\n",
        ])
        guard case .complete(let head) = outcome else { throw TestFailure() }
        #expect(head.status == 404)
        #expect(head.headers.map(\.name) == ["B"])
    }

    @Test func `trailers change nothing`() {
        var parser = CurlHeadParser()
        for line in ["HTTP/1.1 200 OK\r\n", "\r\n"] { _ = parser.take(Array(line.utf8)) }
        guard case .incomplete = parser.take(Array("HTTP/1.1 500 X\r\n".utf8)) else {
            Issue.record("a trailer was taken for a head")
            return
        }
        #expect(parser.isComplete)
    }

    @Test(arguments: [
        ["A: 1\r\n"], ["HTTP/1.1\r\n"], ["HTTP/1.1 abc\r\n"], ["HTTP/1.1 99 X\r\n"], ["\r\n"],
        ["HTTP/1.1 200 OK\r\n", " folded\r\n"], ["HTTP/1.1 1000 X\r\n"], ["HTTP/1.1 -20 X\r\n"],
    ])
    func `what is not HTTP is malformed`(lines: [String]) {
        guard case .malformed = parse(lines) else {
            Issue.record("accepted")
            return
        }
    }

    @Test func `the sum of all lines is bounded`() {
        let line = "X: " + String(repeating: "a", count: 1000) + "\r\n"
        guard case .tooLarge = parse(["HTTP/1.1 200 OK\r\n"] + Array(repeating: line, count: 300)) else {
            Issue.record("accepted")
            return
        }
    }
}

struct TestFailure: Error {}
