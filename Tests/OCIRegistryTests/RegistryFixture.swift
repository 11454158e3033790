import Curl
import OCIRegistry
import Redaction
import TestSupport
import WireFormats

/// Runs a test with a client, and closes it.
@discardableResult
func withClient<Result>(
    _ configuration: RegistryClient.Configuration = .init(),
    _ body: (RegistryClient) async throws -> Result
) async throws -> Result {
    let client = try RegistryClient(configuration: configuration)
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}

/// The error that a call ends with; nil when it succeeds.
func registryError<Result>(_ body: () async throws(RegistryError) -> Result) async -> RegistryError? {
    do throws(RegistryError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

extension ScriptedHTTPServer {
    /// `host:port`, as image references have it.
    var registryHost: String { "\(host):\(port)" }

    /// The value of the header `Authorization` of each request.
    var authorizations: [String?] { requests.map { $0.header("Authorization") } }
}

extension RegistryCredential {
    static func password(_ text: String, user: String = "robot") -> RegistryCredential {
        .basic(username: user, password: SecretBytes(utf8: text))
    }
}

/// A small image, different for each seed.
func sampleImage(_ seed: String = "a", compression: BuiltImage.Compression = .gzip) -> BuiltImage {
    BuiltImage(
        layers: [
            [TarFile(path: "etc/base", bytes: Array("base of \(seed)".utf8))],
            [TarFile(path: "bin/app", bytes: [UInt8](repeating: 7, count: 70_000) + Array(seed.utf8), mode: 0o755)],
        ],
        compression: compression,
        command: ["/bin/app"]
    )
}

/// A scripted registry behind tokens: `/token` gives one, everything else wants `Bearer good`.
func tokenRegistry(
    realm: String? = nil,
    token: Behaviour? = nil,
    content: @escaping @Sendable (ScriptedRequest, ScriptedConnection) -> Void
) throws -> ScriptedHTTPServer {
    try ScriptedHTTPServer { request, connection in
        if request.target.hasPrefix("/token") {
            let behaviour = token ?? .respond(body: #"{"token":"good","expires_in":300}"#)
            return behaviour.act(request, connection)
        }
        guard request.header("Authorization") == "Bearer good" else {
            let own = "http://\(request.header("Host") ?? "")/token"
            let challenge = #"Bearer realm="\#(realm ?? own)",service="hub",scope="repository:a/b:pull""#
            let body = Array(#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#.utf8)
            connection.respond(status: 401, headers: [("WWW-Authenticate", challenge)], body: body)
            return
        }
        content(request, connection)
    }
}

/// Answers every request for a manifest with that of an image.
func manifestAnswer(
    _ image: BuiltImage = sampleImage()
) -> @Sendable (ScriptedRequest, ScriptedConnection) -> Void {
    { _, connection in
        connection.respond(headers: [("Content-Type", OCIMediaType.manifest)], body: image.manifest)
    }
}

extension ScriptedConnection {
    /// Sends a whole response.
    func answer(status: Int = 200, headers: [(name: String, value: String)] = [], body: String = "") {
        respond(status: status, headers: headers, body: Array(body.utf8))
    }
}
