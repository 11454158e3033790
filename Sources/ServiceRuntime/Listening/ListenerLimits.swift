package import NIOCore

/// What one connection to a listener may cost: how long each part of a request may take and how much of it is read.
package struct ListenerLimits: Sendable, Equatable {
    /// The longest time from the first byte of a request to the end of its header fields, and from the connection's
    /// beginning to its first byte. Default 10 s.
    package var headTimeout = TimeAmount.seconds(10)
    /// The longest time for the whole body, however steadily it trickles. Default 30 s.
    package var bodyTimeout = TimeAmount.seconds(30)
    /// How long a connection may stay open between two requests. Default 75 s, longer than the 60 s after which proxies of
    /// the nginx family close theirs.
    package var idleTimeout = TimeAmount.seconds(75)
    /// How long the client may take no byte of an answer that is waiting for it, a stream of events included. Default 30 s.
    package var stallTimeout = TimeAmount.seconds(30)
    /// How long what the client is still sending is read and thrown away after an answer that ends the connection, so that
    /// the client gets the answer and not a reset (RFC 9112, section 9.6). Default 2 s.
    package var lingerTimeout = TimeAmount.seconds(2)
    /// The most bytes that are thrown away meanwhile. Default 1 MiB.
    package var lingerBytes = 1 << 20
    /// The most bytes of a request's first line and header fields together. Default 64 KiB.
    package var headBytes = 64 << 10
    /// The most header fields of a request. Default 200.
    package var headFields = 200
    /// The most bytes that the kernel keeps for a client that does not read, of each connection. Default 256 KiB.
    package var sendBufferBytes = 256 << 10
    /// The most connections at once; those above are answered with 503. Default 64.
    package var maximumConnections = 64

    /// Connections above ``maximumConnections`` that are open while they get their 503. Those above stay in the kernel's
    /// queue of the listener.
    package static let refusedAtOnce = 8

    /// Limits with defaults.
    package init() {}
}
