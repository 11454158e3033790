import Glibc

/// Lets the mock cluster answer at once.
///
/// librdkafka's mock brokers leave Nagle's algorithm on, as no real broker does: the second of two answers waits until the
/// client's kernel has acknowledged the first one, which it may put off for 40 ms. What a listening socket is set to holds for
/// the connections that it takes (tcp(7)), so it is set there, from outside, because librdkafka has no setting for it.
enum ListenerDelay {
    /// Turns it off for those sockets of this process that listen on the given ports.
    static func turnOff(ports: Set<UInt16>) {
        guard let offset = MemoryLayout<dirent>.offset(of: \.d_name), let folder = opendir("/proc/self/fd") else {
            return
        }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            // By its address: an entry is only as long as its name, not as its type.
            let name = String(cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self))
            guard let descriptor = Int32(name), self.isListening(descriptor), let port = self.port(of: descriptor),
                ports.contains(port)
            else { continue }
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static func isListening(_ descriptor: Int32) -> Bool {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value != 0
    }

    private static func port(of descriptor: Int32) -> UInt16? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        return UInt16(bigEndian: address.sin_port)
    }
}
