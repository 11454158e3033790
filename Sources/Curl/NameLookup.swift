import CCurl
import Glibc

/// How a host name becomes addresses.
package struct NameLookup: Sendable {
    /// Blocks until the addresses are known; an empty answer means that the name does not resolve.
    package var addresses: @Sendable (_ host: String) -> [IPAddress]

    /// Makes a lookup from a closure that may block.
    package init(_ addresses: @escaping @Sendable (_ host: String) -> [IPAddress]) {
        self.addresses = addresses
    }

    /// `getaddrinfo`: the hosts file, DNS and whatever else the system is set up to ask.
    package static let system = NameLookup { host in
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var entry = list
        while let current = entry?.pointee {
            if let address = current.ai_addr.flatMap({ IPAddress(socketAddress: $0) }), !found.contains(address) {
                found.append(address)
            }
            entry = current.ai_next
        }
        return found
    }
}

extension IPAddress {
    /// Reads a socket address of the families IPv4 and IPv6.
    init?(socketAddress: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(socketAddress)
        switch Int32(socketAddress.pointee.sa_family) {
        case AF_INET:
            let address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            self.init(bytes: withUnsafeBytes(of: address) { Array($0) })
        case AF_INET6:
            let address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            self.init(bytes: withUnsafeBytes(of: address) { Array($0) })
        default:
            return nil
        }
    }
}
