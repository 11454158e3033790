import Glibc
import Synchronization

/// One accepted connection of a ``ScriptedHTTPServer``, used by the thread that serves it.
package final class ScriptedConnection: Sendable {
    /// Which connection of the server it is, counted from 0.
    package let index: Int

    private let descriptor: Mutex<Int32>
    // Only the serving thread reads.
    private nonisolated(unsafe) var unread: [UInt8] = []

    init(descriptor: Int32, index: Int) {
        self.descriptor = Mutex(descriptor)
        self.index = index
    }

    deinit { close() }

    /// Whether this side has not closed it.
    package var isOpen: Bool { descriptor.withLock { $0 >= 0 } }

    /// Sends all bytes, blocking as long as the peer takes no more.
    ///
    /// - Returns: False when the peer has gone or the server was stopped.
    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let descriptor = descriptor.withLock { $0 }
            guard descriptor >= 0 else { return false }
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    /// Sends text; lines must end in `\r\n` where HTTP wants it.
    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends a whole response with its `Content-Length` (unless the headers have one); the connection stays open.
    @discardableResult
    package func respond(
        status: Int = 200,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) -> Bool {
        var head = "HTTP/1.1 \(status) Scripted\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !headers.contains(where: { $0.name.lowercased() == "content-length" }), status != 204, status != 304 {
            head += "Content-Length: \(body.count)\r\n"
        }
        return send(Array((head + "\r\n").utf8) + body)
    }

    /// Sends one chunk of a chunked body; an empty one ends it.
    @discardableResult
    package func sendChunk(_ bytes: [UInt8]) -> Bool {
        send(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8))
    }

    /// Waits until the peer closes, or the server is stopped.
    ///
    /// - Returns: Whether the connection has ended within the time.
    @discardableResult
    package func waitForEnd(timeoutMilliseconds: Int32 = 60_000) -> Bool {
        let descriptor = descriptor.withLock { $0 }
        guard descriptor >= 0 else { return true }
        // POLLRDHUP, a GNU extension that Swift does not see: the peer has finished sending.
        var entry = pollfd(fd: descriptor, events: 0x2000, revents: 0)
        return poll(&entry, 1, timeoutMilliseconds) > 0
    }

    /// Closes with a FIN.
    package func close() {
        let descriptor = descriptor.withLock { descriptor in
            defer { descriptor = -1 }
            return descriptor
        }
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Closes with an RST, also with bytes still on their way.
    package func reset() {
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
        close()
    }

    /// Closes the sending half only.
    package func finishSending() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_WR)) }
        }
    }

    /// Cuts the connection from another thread; the serving thread closes the descriptor.
    func disconnect() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    // MARK: - Reading

    /// Reads a whole request, answering `Expect: 100-continue`; nil when the peer has closed.
    package func readRequest() -> ScriptedRequest? {
        guard let head = readHead() else { return nil }
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: true).map(String.init)
        guard !lines.isEmpty else { return nil }
        let requestLine = lines.removeFirst().split(separator: " ").map(String.init)
        guard requestLine.count == 3 else { return nil }
        let headers = lines.compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (String(line[..<colon]), String(value))
        }
        func value(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
        if value("expect")?.lowercased() == "100-continue" { send("HTTP/1.1 100 Continue\r\n\r\n") }
        let body: [UInt8]?
        if value("transfer-encoding")?.lowercased() == "chunked" {
            body = readChunks()
        } else {
            body = take(Int(value("content-length") ?? "0") ?? 0)
        }
        guard let body else { return nil }
        return ScriptedRequest(
            method: requestLine[0],
            target: requestLine[1],
            headers: headers,
            body: body,
            connection: index
        )
    }

    /// Reads what is there, at most 64 KiB, and throws it away.
    ///
    /// - Returns: How many bytes it was; 0 when the peer has closed.
    package func discard() -> Int {
        if unread.isEmpty, !fill() { return 0 }
        defer { unread = [] }
        return unread.count
    }

    private func readHead() -> String? { readThrough(Array("\r\n\r\n".utf8)) }

    private func readThrough(_ mark: [UInt8]) -> String? {
        var searched = 0
        while true {
            while searched + mark.count <= unread.count {
                if unread[searched..<(searched + mark.count)].elementsEqual(mark) {
                    let text = String(decoding: unread[..<searched], as: UTF8.self)
                    unread.removeFirst(searched + mark.count)
                    return text
                }
                searched += 1
            }
            guard fill() else { return nil }
        }
    }

    private func readChunks() -> [UInt8]? {
        var body: [UInt8] = []
        while let line = readThrough(Array("\r\n".utf8)) {
            guard let size = Int(line, radix: 16), let chunk = take(size), take(2) != nil else { return nil }
            if size == 0 { return body }
            body += chunk
        }
        return nil
    }

    /// Reads so many bytes; nil when the peer closes before.
    package func take(_ count: Int) -> [UInt8]? {
        while unread.count < count {
            guard fill() else { return nil }
        }
        let bytes = Array(unread[..<count])
        unread.removeFirst(count)
        return bytes
    }

    private func fill() -> Bool {
        let descriptor = descriptor.withLock { $0 }
        guard descriptor >= 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            unread += buffer[..<count]
            return true
        }
    }
}
