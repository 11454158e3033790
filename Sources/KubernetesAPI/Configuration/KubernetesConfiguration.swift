package import Redaction

/// Where the API server is and how to prove to it who we are.
package struct KubernetesConfiguration: Sendable {
    /// The server's base URL, without a trailing slash; may have a path.
    package var server: String
    /// The namespace that is meant where none is given.
    package var defaultNamespace: String
    /// How requests are authenticated.
    package var authentication: Authentication
    /// How the server is authenticated, and the client certificate.
    package var tls: TLS
    /// Sent as `User-Agent`.
    package var userAgent: String
    /// The longest time for one attempt of one request, watches apart; 30 s by default.
    package var requestTimeout: Duration
    /// When failed requests are sent again.
    package var retry: RequestRetryPolicy
    /// The most connections for requests, watches apart; 64 by default. Over HTTP/2 one carries them all.
    package var maximumConnections: Int

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - server: The base URL; a trailing slash is removed.
    ///   - defaultNamespace: The namespace that is meant where none is given.
    ///   - authentication: How requests are authenticated.
    ///   - tls: How the server is authenticated.
    package init(
        server: String,
        defaultNamespace: String = "default",
        authentication: Authentication = .none,
        tls: TLS = TLS()
    ) {
        var server = server
        while server.hasSuffix("/") { server.removeLast() }
        self.server = server
        self.defaultNamespace = defaultNamespace
        self.authentication = authentication
        self.tls = tls
        userAgent = "kubernetes-api-swift"
        requestTimeout = .seconds(30)
        retry = RequestRetryPolicy()
        maximumConnections = 64
    }
}

// MARK: - Authentication

extension KubernetesConfiguration {
    /// How requests are authenticated, beside a client certificate.
    package enum Authentication: Sendable {
        /// Not at all, or by ``TLS/clientCertificate`` alone.
        case none
        /// By a bearer token that stays the same.
        case token(SecretBytes)
        /// By a bearer token in a file that somebody else renews; it is read again at least every 60 s and after a 401.
        case tokenFile(path: String)
        /// By user name and password, for servers behind a proxy that asks for them.
        case basic(username: String, password: SecretBytes)
        /// By what a program prints (`client.authentication.k8s.io`).
        case exec(ExecPlugin)
    }

    /// A program that prints credentials, as kubeconfig files name it.
    package struct ExecPlugin: Sendable, Hashable {
        /// The program: a name looked up on the `PATH`, or a path.
        package var command: String
        /// Its arguments.
        package var arguments: [String]
        /// Environment variables on top of ours.
        package var environment: [String: String]
        /// `client.authentication.k8s.io/v1` or `…/v1beta1`.
        package var apiVersion: String
        /// Whether the program is told of the cluster in `KUBERNETES_EXEC_INFO`.
        package var providesClusterInfo: Bool
        /// What to tell people where the program is missing.
        package var installHint: String?
        /// The longest time the program may take; 60 s by default.
        package var timeout: Duration

        /// Creates a plugin.
        package init(
            command: String,
            arguments: [String] = [],
            environment: [String: String] = [:],
            apiVersion: String = "client.authentication.k8s.io/v1",
            providesClusterInfo: Bool = false,
            installHint: String? = nil,
            timeout: Duration = .seconds(60)
        ) {
            self.command = command
            self.arguments = arguments
            self.environment = environment
            self.apiVersion = apiVersion
            self.providesClusterInfo = providesClusterInfo
            self.installHint = installHint
            self.timeout = timeout
        }
    }
}

// MARK: - TLS

extension KubernetesConfiguration {
    /// How the server is authenticated, and the client certificate.
    package struct TLS: Sendable {
        /// The certificates to trust, as PEM; `nil` for those of the system.
        package var caPEM: [UInt8]?
        /// The certificate to present.
        package var clientCertificate: ClientCertificate?
        /// Whether the server's certificate is not checked at all.
        package var skipsVerification: Bool
        /// The name to expect in the server's certificate, instead of the host of the URL.
        package var serverName: String?

        /// Creates settings; the defaults trust the system's certificates and present none.
        package init(
            caPEM: [UInt8]? = nil,
            clientCertificate: ClientCertificate? = nil,
            skipsVerification: Bool = false,
            serverName: String? = nil
        ) {
            self.caPEM = caPEM
            self.clientCertificate = clientCertificate
            self.skipsVerification = skipsVerification
            self.serverName = serverName
        }
    }

    /// A certificate and its key.
    package struct ClientCertificate: Sendable, Equatable {
        /// The certificate chain, as PEM.
        package var certificatePEM: [UInt8]
        /// The private key, as PEM.
        package var key: SecretBytes

        /// Creates a pair.
        package init(certificatePEM: [UInt8], key: SecretBytes) {
            self.certificatePEM = certificatePEM
            self.key = key
        }
    }
}
