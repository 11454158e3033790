package import Redaction

extension CurlClient {
    /// What all requests of a client share.
    package struct Configuration: Sendable {
        /// Sent as `User-Agent`; `longshore` by default.
        package var userAgent: String
        /// A file of PEM certificates to trust instead of the system's.
        package var caBundlePath: String?
        /// PEM certificates to trust instead of the system's; stronger than ``caBundlePath``.
        package var caPEM: [UInt8]?
        /// The PEM certificate, with its chain, that proves who we are.
        package var clientCertificatePEM: [UInt8]?
        /// The PEM private key of ``clientCertificatePEM``.
        package var clientKey: SecretBytes?
        /// Whether the peer's certificate and name are verified; true by default.
        package var verifiesPeer: Bool
        /// The most connections to one host and port; 0, the default, for no limit. Streams hold one for as long as they
        /// last, and requests beyond the limit wait inside their time-outs.
        package var maximumConnectionsPerHost: Int
        /// The most connections in all; 0, the default, for no limit.
        package var maximumConnections: Int
        /// The most idle connections that are kept for later requests; 64 by default.
        package var maximumIdleConnections: Int
        /// Whether `execute` offers HTTP/2 on TLS and then shares one connection among many requests; true by default.
        /// Streams use HTTP/1.1: in libcurl 7.88 a paused HTTP/2 stream holds up the others of its connection.
        package var usesHTTP2: Bool
        /// Addresses to use in place of name resolution.
        package var resolveOverrides: [ResolveOverride]
        /// The most bytes of a body that `execute` gathers, 256 MiB by default.
        package var maximumBufferedBytes: Int
        /// The most bytes of a stream that wait for their reader before the transfer is paused; 256 KiB by default.
        package var streamBufferBytes: Int
        /// How names are resolved for requests with an ``AddressPolicy``; the system's resolver by default.
        package var nameLookup: NameLookup

        /// Makes a configuration; each argument has the default that its property names.
        package init(
            userAgent: String = "longshore",
            caBundlePath: String? = nil,
            caPEM: [UInt8]? = nil,
            clientCertificatePEM: [UInt8]? = nil,
            clientKey: SecretBytes? = nil,
            verifiesPeer: Bool = true,
            maximumConnectionsPerHost: Int = 0,
            maximumConnections: Int = 0,
            maximumIdleConnections: Int = 64,
            usesHTTP2: Bool = true,
            resolveOverrides: [ResolveOverride] = [],
            maximumBufferedBytes: Int = 256 << 20,
            streamBufferBytes: Int = 256 << 10,
            nameLookup: NameLookup = .system
        ) {
            self.userAgent = userAgent
            self.caBundlePath = caBundlePath
            self.caPEM = caPEM
            self.clientCertificatePEM = clientCertificatePEM
            self.clientKey = clientKey
            self.verifiesPeer = verifiesPeer
            self.maximumConnectionsPerHost = maximumConnectionsPerHost
            self.maximumConnections = maximumConnections
            self.maximumIdleConnections = maximumIdleConnections
            self.usesHTTP2 = usesHTTP2
            self.resolveOverrides = resolveOverrides
            self.maximumBufferedBytes = maximumBufferedBytes
            self.streamBufferBytes = streamBufferBytes
            self.nameLookup = nameLookup
        }
    }

    /// Fixed addresses for one host and port.
    package struct ResolveOverride: Sendable, Hashable {
        /// The host name as URLs have it, compared without case.
        package var host: String
        /// The port.
        package var port: Int
        /// The addresses, tried in this order.
        package var addresses: [IPAddress]

        /// Makes an override.
        package init(host: String, port: Int, addresses: [IPAddress]) {
            self.host = host
            self.port = port
            self.addresses = addresses
        }
    }
}
