import LibPQ
import Redaction
import TestSupport

/// A configuration for a database of the test's own on the shared server.
func makeConfiguration(maximumConnections: Int = 4) async throws -> PQConfiguration {
    let url = try await PostgresServer.shared().createDatabase()
    return PQConfiguration(url: SecretBytes(utf8: url), maximumConnections: maximumConnections)
}

/// Runs a body with a connection to a database of the test's own.
func withTestConnection(_ body: (PQConnection) async throws -> Void) async throws {
    let connection = try await PQConnection.connect(makeConfiguration())
    try await body(connection)
    await connection.close()
}
