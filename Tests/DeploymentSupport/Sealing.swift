import TestSupport
package import WireFormats

/// Seals credentials as a user does: with the command.
package enum Sealing {
    /// Seals a registry's credential for the task of an idempotency key.
    package static func seal(
        _ registry: SharedRegistries.Registry,
        key: String,
        deployment: Deployment
    ) async throws -> (
        task: String, credential: JSONValue
    ) {
        let output = try await TestProcess.run(
            TestTarget.binary,
            [
                "seal", "--ready-file", deployment.readyFile, "--registry", registry.address, "--username",
                registry.username, "--project", "default", "--idempotency-key",
                key,
            ],
            environment: ["LONGSHORE_PASSWORD": registry.password]
        ).standardOutput
        let json = try JSONValue(parsing: Array(output.utf8))
        guard let task = json["taskId"]?.string, let credential = json["credential"] else {
            throw TestSupportError("longshore seal printed \(output)")
        }
        return (task, credential)
    }
}
