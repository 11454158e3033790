import Glibc
import Synchronization

/// A TCP connection to this machine on which a test sends and reads bytes as it likes, without an HTTP client's manners.
///
/// It never blocks a thread: what is not there yet is waited for.
package final class RawConnection: Sendable {
    private let descriptor: Mutex<Int32>
    private let bytes = Mutex<[UInt8]>([])

    /// Connects to a port of the loopback interface.
    ///
    /// - Parameters:
    ///   - port: The port.
    ///   - receiveBuffer: The size of the kernel's buffer for what comes, in bytes; nil for the kernel's own choice.
    /// - Throws: `TestSupportError` when nothing listens.
    package init(port: Int, receiveBuffer: Int32? = nil) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw TestSupportError("no socket: error \(errno)") }
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            let reason = errno
            Glibc.close(descriptor)
            throw TestSupportError("no connection to port \(port): error \(reason)")
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit { close() }

    /// Closes the connection, with a reset when there are bytes that were not read.
    package func close() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { Glibc.close(descriptor) }
            descriptor = -1
        }
    }

    /// Tells the other side that nothing more will be sent.
    package func closeSending() { _ = descriptor.withLock { shutdown($0, Int32(SHUT_WR)) } }

    /// Sends what the kernel takes at once.
    ///
    /// - Returns: The number of bytes it took; nil when the connection is gone.
    package func trySend(_ bytes: ArraySlice<UInt8>) -> Int? {
        let descriptor = descriptor.withLock { $0 }
        let count = bytes.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        if count >= 0 { return count }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    /// Sends all of a text, waiting while the other side does not read.
    ///
    /// - Returns: Whether all of it was taken.
    @discardableResult
    package func send(_ text: String) async throws -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            guard let count = trySend(rest) else { return false }
            rest = rest.dropFirst(count)
            if count == 0 { try await Task.sleep(for: .milliseconds(2)) }
        }
        return true
    }

    /// Reads what is there; false at the end of the connection.
    private func readSome() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let descriptor = descriptor.withLock { $0 }
        while true {
            let count = chunk.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                bytes.withLock { $0 += chunk[..<count] }
            } else {
                return count < 0 && (errno == EAGAIN || errno == EINTR)
            }
        }
    }

    /// Everything that has been read so far.
    package var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }

    /// Reads until the text has something in it.
    ///
    /// - Returns: Everything that was read; throws when the connection ends or the time is over before.
    @discardableResult
    package func read(until expected: String, timeout: Duration = .seconds(30)) async throws -> String {
        var isOpen = true
        try await waitUntil(timeout: timeout, "“\(expected)” on a connection") {
            isOpen = readSome()
            return text.contains(expected) || !isOpen
        }
        guard text.contains(expected) else {
            throw TestSupportError("the connection ended without “\(expected)”: “\(text.prefix(400))”")
        }
        return text
    }

    /// Reads until the other side has ended the connection.
    ///
    /// - Returns: Everything that was read.
    @discardableResult
    package func readToEnd(timeout: Duration = .seconds(30)) async throws -> String {
        try await waitUntil(timeout: timeout, "the end of a connection") { !readSome() }
        return text
    }
}
