import Glibc
import Synchronization

/// An HTTP/1.1 server whose every byte the test decides: it can answer well, late, wrongly, without end or not at all.
///
/// Each connection has a thread of its own that reads requests and carries out a ``Behaviour`` for each of them.
///
///     let server = try ScriptedHTTPServer([.respond(status: 503), .reset], then: .respond(body: "hello"))
///     …server.url("/path")…
///     #expect(server.requests.count == 3)
///
/// Thread safety: every method may be called from anywhere.
package final class ScriptedHTTPServer: Sendable {
    /// The port on 127.0.0.1 (or the host that was given).
    package let port: Int
    /// The address that it listens on.
    package let host: String

    private struct State {
        var requests: [ScriptedRequest] = []
        var connections: [Int: ScriptedConnection] = [:]
        var connectionCount = 0
        var queue: [Behaviour]
        var isStopped = false
    }

    private let listener: Int32
    private let state: Mutex<State>
    private let fallback: Behaviour
    private let greeting: (@Sendable (ScriptedConnection) -> Bool)?

    /// Starts a server that carries out the behaviours in the order in which requests arrive.
    ///
    /// - Parameters:
    ///   - queue: One behaviour a request.
    ///   - then: What to do once the queue is empty.
    ///   - host: The IPv4 or IPv6 address to listen on.
    ///   - port: 0 for a free one.
    ///   - greeting: Called with each new connection before a request is read; false ends the connection there.
    package init(
        _ queue: [Behaviour] = [],
        then: Behaviour = .respond(),
        host: String = "127.0.0.1",
        port: Int = 0,
        greeting: (@Sendable (ScriptedConnection) -> Bool)? = nil
    ) throws {
        signal(SIGPIPE, SIG_IGN)
        self.host = host
        self.fallback = then
        self.greeting = greeting
        self.state = Mutex(State(queue: queue))
        (self.listener, self.port) = try listen(host: host, port: port)
        let server = Unmanaged.passRetained(self)
        startThread { server.takeRetainedValue().acceptConnections() }
    }

    /// Starts a server that answers every request by what the closure does.
    package convenience init(
        host: String = "127.0.0.1",
        port: Int = 0,
        handler: @escaping @Sendable (ScriptedRequest, ScriptedConnection) -> Void
    ) throws {
        try self.init([], then: Behaviour(handler), host: host, port: port)
    }

    /// `http://host:port` and a path.
    package func url(_ path: String = "/") -> String {
        "http://\(host.contains(":") ? "[\(host)]" : host):\(port)\(path)"
    }

    /// The requests read so far, in order of arrival.
    package var requests: [ScriptedRequest] { state.withLock { $0.requests } }

    /// How many connections have been accepted in all.
    package var connectionCount: Int { state.withLock { $0.connectionCount } }

    /// How many connections are open now, as this side knows.
    package var openConnectionCount: Int { state.withLock { $0.connections.count } }

    /// Adds a behaviour to the end of the queue.
    package func enqueue(_ behaviour: Behaviour) { state.withLock { $0.queue.append(behaviour) } }

    /// Waits until that many requests have been read.
    package func waitForRequests(_ count: Int, timeout: Duration = .seconds(30)) async throws {
        try await waitUntil(timeout: timeout, "\(count) requests") { requests.count >= count }
    }

    /// Waits until no connection is open.
    package func waitForDisconnect(timeout: Duration = .seconds(30)) async throws {
        try await waitUntil(timeout: timeout, "the end of all connections") { openConnectionCount == 0 }
    }

    /// Ends all connections and refuses new ones. Must be called: the accepting thread keeps the server alive.
    package func stop() {
        let connections = state.withLock { state in
            state.isStopped = true
            return Array(state.connections.values)
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections { connection.disconnect() }
    }

    /// Ends all connections but goes on listening.
    package func dropConnections() {
        for connection in state.withLock({ Array($0.connections.values) }) { connection.disconnect() }
    }

    private func acceptConnections() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            guard descriptor >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            let connection: ScriptedConnection? = state.withLock { state in
                guard !state.isStopped else { return nil }
                let connection = ScriptedConnection(descriptor: descriptor, index: state.connectionCount)
                state.connectionCount += 1
                state.connections[connection.index] = connection
                return connection
            }
            guard let connection else {
                close(descriptor)
                break
            }
            startThread { self.serve(connection) }
        }
        close(listener)
    }

    private func serve(_ connection: ScriptedConnection) {
        defer {
            connection.close()
            state.withLock { $0.connections[connection.index] = nil }
        }
        if let greeting, !greeting(connection) { return }
        while let request = connection.readRequest() {
            let behaviour = state.withLock { state in
                state.requests.append(request)
                return state.queue.isEmpty ? fallback : state.queue.removeFirst()
            }
            behaviour.act(request, connection)
            guard connection.isOpen else { return }
        }
    }
}

/// A request as it was read.
package struct ScriptedRequest: Sendable {
    /// `GET`, …
    package let method: String
    /// The request target as sent: path and query.
    package let target: String
    /// Headers in order.
    package let headers: [(name: String, value: String)]
    /// The body, chunks put together.
    package let body: [UInt8]
    /// Which connection, counted from 0 in order of arrival.
    package let connection: Int

    /// The first value of a header, names compared without case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }
}

func listen(host: String, port: Int) throws -> (descriptor: Int32, port: Int) {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, "\(port)", &hints, &list) == 0, let info = list?.pointee else {
        throw TestSupportError("not an address: \(host)")
    }
    defer { freeaddrinfo(list) }
    let descriptor = socket(info.ai_family, info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw TestSupportError("socket: \(String(cString: strerror(errno)))") }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, info.ai_addr, info.ai_addrlen) == 0, Glibc.listen(descriptor, 4096) == 0 else {
        close(descriptor)
        throw TestSupportError("bind: \(String(cString: strerror(errno)))")
    }
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    _ = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    // The port is at the same place for both families.
    let bound = withUnsafeBytes(of: &storage) { UInt16($0[2]) << 8 | UInt16($0[3]) }
    return (descriptor, Int(bound))
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a detached thread with a small stack, so that a test can have a thousand of them.
func startThread(_ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 512 << 10)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer { pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(ThreadBody(body))
    let status = pthread_create(
        &thread,
        &attributes,
        { context in
            guard let context else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
            return nil
        },
        box.toOpaque()
    )
    if status != 0 { box.release() }
}
