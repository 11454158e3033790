import Curl
import Redaction
import Synchronization

/// The connections to the API server: one set for requests, one for watches, which would otherwise hold all of them.
///
/// A credential plugin may hand out a new client certificate at any time; connections are bound to the certificate that
/// they were opened with, so a new one means new clients.
final class Transport: Sendable {
    /// The clients that belong to one certificate.
    private struct Clients {
        var certificate: KubernetesConfiguration.ClientCertificate?
        var requests: CurlClient
        var streams: CurlClient
    }

    private struct State {
        var clients: Clients?
        var isClosed = false
    }

    private let configuration: KubernetesConfiguration
    private let server: ServerAddress
    private let state = Mutex(State())

    /// Creates a transport; nothing is connected yet.
    init(configuration: KubernetesConfiguration) throws(KubernetesError) {
        self.configuration = configuration
        server = try ServerAddress(configuration)
    }

    /// The URL of a target: path and query.
    func url(_ target: String) -> String { server.base + target }

    /// The `Host` header, where it differs from the URL's host.
    var hostHeader: String? { server.hostHeader }

    /// The policy to give to requests: one that allows everything, where names are to be looked up our way.
    var addressPolicy: AddressPolicy? { server.lookedUpHost == nil ? nil : .unrestricted }

    /// The client for requests.
    func requests(certificate: KubernetesConfiguration.ClientCertificate?) throws(KubernetesError) -> CurlClient {
        try clients(certificate).requests
    }

    /// The client for watches.
    func streams(certificate: KubernetesConfiguration.ClientCertificate?) throws(KubernetesError) -> CurlClient {
        try clients(certificate).streams
    }

    /// Ends all transfers and connections.
    func close() async {
        let clients = state.withLock { state in
            state.isClosed = true
            defer { state.clients = nil }
            return state.clients
        }
        await clients?.requests.close()
        await clients?.streams.close()
    }

    private func clients(
        _ certificate: KubernetesConfiguration.ClientCertificate?
    ) throws(KubernetesError) -> Clients {
        let certificate = certificate ?? configuration.tls.clientCertificate
        // The replaced clients end by themselves when the transfers that still use them have let go of them.
        var replaced: Clients?
        defer { _ = replaced }
        return try state.withLock { state throws(KubernetesError) in
            guard !state.isClosed else { throw KubernetesError(reason: .closed, message: "the client is closed") }
            if let clients = state.clients, clients.certificate == certificate { return clients }
            let clients = try make(certificate)
            replaced = state.clients
            state.clients = clients
            return clients
        }
    }

    private func make(_ certificate: KubernetesConfiguration.ClientCertificate?) throws(KubernetesError) -> Clients {
        var options = CurlClient.Configuration()
        options.userAgent = configuration.userAgent
        options.caPEM = configuration.tls.caPEM
        options.verifiesPeer = !configuration.tls.skipsVerification
        options.clientCertificatePEM = certificate?.certificatePEM
        options.clientKey = certificate?.key
        options.resolveOverrides = server.overrides
        if let host = server.lookedUpHost {
            options.nameLookup = NameLookup { _ in NameLookup.system.addresses(host) }
        }
        options.maximumConnectionsPerHost = configuration.maximumConnections
        var streamOptions = options
        streamOptions.maximumConnectionsPerHost = 0
        do throws(CurlError) {
            return Clients(
                certificate: certificate,
                requests: try CurlClient(configuration: options),
                streams: try CurlClient(configuration: streamOptions)
            )
        } catch {
            throw KubernetesError(error)
        }
    }
}

/// The server's address as libcurl takes it.
///
/// libcurl takes the name for TLS from the URL and nowhere else, so another name goes into the URL, and the address behind it
/// is the one of the real host.
struct ServerAddress: Sendable {
    /// The URL before the path of a request, without a trailing slash.
    var base: String
    /// The real host and port, where ``base`` has another.
    var hostHeader: String?
    /// The fixed address of the name in ``base``.
    var overrides: [CurlClient.ResolveOverride] = []
    /// The real host, to be looked up whenever the name in ``base`` is.
    var lookedUpHost: String?

    /// Reads the configuration's server and TLS name.
    init(_ configuration: KubernetesConfiguration) throws(KubernetesError) {
        base = configuration.server
        guard let name = configuration.tls.serverName else { return }
        guard base.hasPrefix("https://") else { return }
        let rest = base.dropFirst("https://".count)
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        var host = authority
        var port = 443
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            guard let number = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
                throw KubernetesError(reason: .configuration, message: "the server's URL has a bad port")
            }
            host = authority[..<colon]
            port = number
        }
        if host == name { return }
        let bare = host.hasPrefix("[") ? host.dropFirst().dropLast() : host
        base = "https://\(name):\(port)\(path)"
        hostHeader = String(authority)
        if let address = IPAddress(String(bare)) {
            overrides = [CurlClient.ResolveOverride(host: name, port: port, addresses: [address])]
        } else {
            lookedUpHost = String(bare)
        }
    }
}
