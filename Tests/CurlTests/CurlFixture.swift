import Curl
import Redaction
import TestSupport

/// Runs a test with a server and a client, and ends both.
func withServer<Result>(
    _ queue: [Behaviour] = [],
    then: Behaviour = .respond(body: "hello"),
    configuration: CurlClient.Configuration = .init(),
    greeting: (@Sendable (ScriptedConnection) -> Bool)? = nil,
    _ body: (ScriptedHTTPServer, CurlClient) async throws -> Result
) async throws -> Result {
    let server = try ScriptedHTTPServer(queue, then: then, greeting: greeting)
    defer { server.stop() }
    let client = try CurlClient(configuration: configuration)
    do {
        let result = try await body(server, client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}

/// The error that a request ends with; nil when it succeeds.
func failure(_ client: CurlClient, _ request: CurlRequest) async -> CurlError? {
    do throws(CurlError) {
        _ = try await client.execute(request)
        return nil
    } catch {
        return error
    }
}

extension CurlResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}
