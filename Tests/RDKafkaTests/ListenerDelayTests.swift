import Glibc
import Testing

@testable import RDKafka

@Suite struct ListenerDelayTests {
    /// A socket that listens on some port of the loopback interface.
    private static func listener() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(result)
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func delays(_ descriptor: Int32) -> Bool {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length)
        return value == 0
    }

    @Test func `listeners of the ports no longer delay, and no others`() throws {
        let own = try Self.listener()
        let other = try Self.listener()
        defer {
            close(own.descriptor)
            close(other.descriptor)
        }
        #expect(Self.delays(own.descriptor) && Self.delays(other.descriptor))
        ListenerDelay.turnOff(ports: [own.port])
        #expect(!Self.delays(own.descriptor))
        #expect(Self.delays(other.descriptor))
    }

    @Test func `a mock cluster's brokers do not delay`() throws {
        let cluster = try MockCluster(brokers: 2)
        defer { cluster.close() }
        let ports = Set(
            cluster.bootstrapServers.split(separator: ",").compactMap {
                $0.split(separator: ":").last.flatMap { UInt16($0) }
            }
        )
        try #require(ports.count == 2)
        var found = 0
        for descriptor in 0..<Int32(1_024) {
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            var listens: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            let isNamed = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
            }
            guard isNamed, getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0, listens != 0,
                ports.contains(UInt16(bigEndian: address.sin_port))
            else { continue }
            found += 1
            #expect(!Self.delays(descriptor))
        }
        #expect(found == 2)
    }
}
