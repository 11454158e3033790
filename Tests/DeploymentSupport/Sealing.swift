import TestSupport
package import WireFormats

/// Seals credentials as a user does: with the command.
package enum Sealing {
    /// Seals a registry's credential for the task of an idempotency key.
    ///
    /// - Parameters:
    ///   - registry: The registry with its account.
    ///   - key: The idempotency key.
    ///   - deployment: Who will open it.
    ///   - readyFile: Where the API is, if that is not the deployment's own.
    package static func seal(
        _ registry: SharedRegistries.Registry,
        key: String,
        deployment: Deployment,
        readyFile: String? = nil
    ) async throws -> (
        task: String, credential: JSONValue
    ) {
        let output = try await TestProcess.run(
            TestTarget.binary,
            [
                "seal", "--ready-file", readyFile ?? deployment.readyFile, "--registry", registry.address, "--username",
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
