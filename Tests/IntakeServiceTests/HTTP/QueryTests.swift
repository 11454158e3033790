import HTTPTypes
import LongshoreDomain
import Testing

@testable import IntakeService

struct QueryTests {
    @Test
    func `Parameters are decoded, repeated and split`() throws {
        let query = try Query("a=1&a=2%2C3&b=x,y&c=%E2%9C%93%20+&d", allowed: ["a", "b", "c", "d"])
        #expect(query.all("a") == ["1", "2,3"])
        #expect(query.all("b", split: true) == ["x", "y"])
        #expect(query.text("c") == "✓ +")
        #expect(query.text("d") == nil)
    }

    @Test(arguments: [
        "zzz=1", "a=%zz", "a=%", "a=%0", "a=%ff", "a=%00", "=x", "a=" + String(repeating: "x", count: 3_000),
    ])
    func `What cannot be read is a fault, not a guess`(text: String) {
        let problem = #expect(throws: Problem.self) { try Query(text, allowed: ["a"]) }
        #expect(problem?.status == .badRequest)
        #expect(problem?.faults.count == 1)
    }

    @Test(arguments: ["0", "501", "-1", "x", "1.5", "99999999999999999999"])
    func `A limit stays within its bounds`(text: String) throws {
        let query = try Query("limit=\(text)", allowed: ["limit"])
        #expect(throws: Problem.self) { try query.limit() }
    }

    @Test
    func `Choices must be known`() throws {
        let query = try Query("status=failed,queued&status=succeeded", allowed: ["status"])
        let phases: [TaskPhase] = try query.choices("status")
        #expect(phases == [.failed, .queued, .succeeded])
        let wrong = try Query("status=Failed", allowed: ["status"])
        #expect(throws: Problem.self) {
            let _: [TaskPhase] = try wrong.choices("status")
        }
    }

    @Test
    func `A cursor comes back as it was made, and nothing else does`() {
        let cursor = PageCursor.encode(["1700000000", "ab/c\"✓"])
        #expect(PageCursor.decode(cursor, parts: 2) == ["1700000000", "ab/c\"✓"])
        #expect(PageCursor.decode(cursor, parts: 1) == nil)
        for wrong in ["", "x", "%%%", PageCursor.encode(["a"]), "WzFd", "WyJhXHUwMDAwIiwiYiJd"] {
            #expect(PageCursor.decode(wrong, parts: 2) == nil)
        }
    }

    @Test
    func `Only a cursor that names a place in its list is taken`() {
        let id = "01h455vb4pex5vsknk084sn02q"
        #expect(PageCursor.task(PageCursor.encode(["1700000000000000", id]))?.id == id)
        #expect(PageCursor.node(PageCursor.encode(node: "gpu-1.example.com")) == "gpu-1.example.com")
        for time in ["-1", "\(Int64.min)", "\(Int64.max)", "253402300800000000", "1e5", "99999999999999999999", ""] {
            #expect(PageCursor.task(PageCursor.encode([time, id])) == nil, "\(time)")
        }
        for wrong in ["", "x", "'; --", "\u{10FFFF}", String(repeating: "a", count: 5_000)] {
            #expect(PageCursor.task(PageCursor.encode(["1700000000000000", wrong])) == nil, "\(wrong)")
            #expect(PageCursor.node(PageCursor.encode(node: wrong == "x" ? "X y" : wrong)) == nil, "\(wrong)")
        }
        let whole = PageCursor.encode(["1700000000000000", id])
        for length in 0..<whole.count {
            #expect(PageCursor.task(String(whole.prefix(length))) == nil, "\(length)")
        }
    }

    @Test(arguments: [
        ("/v1/tasks", Endpoint.tasks), ("/v1/tasks/abc", .task("abc")), ("/v1/tasks/abc/nodes", .nodes("abc")),
        ("/v1/tasks/abc/events", .events("abc")), ("/v1/tasks/abc/deliveries", .deliveries("abc")),
        ("/v1/clusters", .clusters), ("/openapi.json", .openAPI), ("/", .unknown), ("", .unknown), ("//", .unknown),
        ("/v1", .unknown), ("/v2/tasks", .unknown), ("/v1/tasks/", .task("")), ("/v1/tasks/a/b", .unknown),
        ("/v1/tasks/a/nodes/x", .unknown), ("/openapi.json/x", .unknown), ("/v1/clusters/x", .unknown),
        ("/v1/deliveries/abc/redeliver", .redelivery("abc")), ("/v1/deliveries/redeliver", .redeliveries),
        ("/v1/deliveries", .unknown), ("/v1/deliveries/abc", .unknown), ("/v1/deliveries/a/b", .unknown),
    ])
    func `Paths name endpoints`(path: String, endpoint: Endpoint) {
        #expect(Endpoint(path: path) == endpoint)
    }
}
