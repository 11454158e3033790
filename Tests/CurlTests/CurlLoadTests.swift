import Curl
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4)), .serialized) struct CurlLoadTests {
    // The soft limit of 1,024 descriptors is less than both ends of these connections need.
    init() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    @Test func `two thousand requests at once, on as many connections as the limit allows`() async throws {
        let configuration = CurlClient.Configuration(maximumConnectionsPerHost: 50)
        try await withServer(configuration: configuration) { server, client in
            let failures = await withTaskGroup(of: CurlError?.self) { group in
                for index in 0..<2000 {
                    group.addTask { await failure(client, CurlRequest(url: server.url("/\(index)"))) }
                }
                var failures: [CurlError] = []
                for await error in group { if let error { failures.append(error) } }
                return failures
            }
            #expect(failures.isEmpty)
            #expect(Set(server.requests.map(\.target)).count == 2000)
            #expect(server.connectionCount <= 60)
        }
    }

    @Test func `a thousand requests that hang do not hold up others, and all end when cancelled`() async throws {
        let script = Behaviour { request, connection in
            if request.target == "/hang" { Behaviour.hang.act(request, connection) } else { connection.respond() }
        }
        try await withServer(then: script) { server, client in
            let hanging = Task {
                await withTaskGroup(of: CurlError?.self) { group in
                    for _ in 0..<1000 { group.addTask { await failure(client, CurlRequest(url: server.url("/hang"))) } }
                    var codes: Set<CurlError.Code> = []
                    for await error in group { if let error { codes.insert(error.code) } }
                    return codes
                }
            }
            try await server.waitForRequests(1000, timeout: .seconds(120))
            for _ in 0..<50 {
                let answer = try await client.execute(CurlRequest(url: server.url("/x"), totalTimeout: .seconds(30)))
                #expect(answer.status == 200)
            }
            hanging.cancel()
            #expect(await hanging.value == [.cancelled])
            server.dropConnections()
        }
    }

    @Test func `five hundred streams flow beside each other`() async throws {
        let script = Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for index in 0..<20 { connection.sendChunk(Array("event \(index)\n".utf8)) }
            connection.sendChunk([])
        }
        try await withServer(then: script) { server, client in
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                // All heads first: every stream is open before any is read.
                var bodies: [CurlBody] = []
                for _ in 0..<500 { bodies.append(try await client.stream(CurlRequest(url: server.url())).body) }
                for body in bodies { group.addTask { try await body.collect(upTo: 1 << 20).bytes.count } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(counts == Array(repeating: counts[0], count: 500))
            #expect(counts[0] == (0..<20).reduce(0) { $0 + "event \($1)\n".utf8.count })
        }
    }
}
