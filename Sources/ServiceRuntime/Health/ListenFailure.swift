import Glibc
import NIOCore

/// An address that a server cannot listen on.
package struct ListenFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For the operator: the address, the setting it came from, and why.
    package let description: String

    /// Describes the failure.
    ///
    /// - Parameters:
    ///   - host: The host of the address.
    ///   - port: The port of the address.
    ///   - flag: The flag that the address came from.
    ///   - cause: What the system said.
    package init(host: String, port: Int, flag: String, cause: any Error) {
        let shown = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        description = "\(flag): cannot listen on \(shown): \(Self.reason(cause))"
    }

    private static func reason(_ cause: any Error) -> String {
        switch (cause as? IOError)?.errnoCode {
        case EADDRINUSE: "the port is taken; end the program that has it, or choose another port"
        case EACCES: "this account may not use the port; choose one above 1023"
        case EADDRNOTAVAIL: "this machine does not have the address"
        default: "\(cause)"
        }
    }
}
