import LongshoreDomain
import LongshoreMessages
import Redaction
import WireFormats

/// Seals the credentials of a request on the client's side.
struct RequestSealing {
    private let client: IntakeClient

    init(client: IntakeClient) { self.client = client }

    /// Puts a sealed credential in the place of every one in the clear.
    ///
    /// - Parameters:
    ///   - body: The request.
    ///   - idempotencyKey: The key it will be sent with: it decides the task's id, which the sealed form is bound to.
    ///   - warn: Takes what the request's author should look at again: the service no longer sees what was left out here.
    /// - Returns: The request without any secret in the clear.
    /// - Throws: ``CommandFailure`` when the request is wrong or the cluster has announced no key.
    func seal(
        _ body: JSONValue,
        idempotencyKey: String,
        warn: (JSONValue) -> Void = ProblemReport.warn
    ) async throws -> JSONValue {
        let request: TaskRequest
        do {
            request = try TaskRequest.parse(body, channel: .http)
        } catch {
            let lines = error.faults.map {
                "  \(ProblemReport.field($0.pointer.description)): \($0.detail) (\($0.code))"
            }
            throw CommandFailure.usage((["the request is wrong"] + lines).joined(separator: "\n"))
        }
        for warning in request.warnings { warn(warning.json) }
        // A credential that no image needs is no longer in the request: it must not travel in the clear in the body either.
        guard request.hasPlaintextCredentials || !request.warnings.isEmpty else { return body }
        let key = request.hasPlaintextCredentials ? try await newestKey(of: request.cluster) : nil
        let taskID = TaskIDs.derived(project: request.project, idempotencyKey: idempotencyKey)
        var sealed = body
        for field in ["registry", "username", "password"] { sealed[field] = nil }
        // The project decides the task's id: it must not be another one by the service's default.
        sealed["project"] = .string(request.project)
        sealed["registryCredentials"] = .array(
            try request.credentials.map { try Self.entry($0, taskID: taskID, key: key) }
        )
        return sealed
    }

    /// The key that a cluster's executors made last.
    func newestKey(of cluster: String) async throws -> Sealer {
        let clusters = try await client.send("GET", "/v1/clusters").json["items"]?.array ?? []
        let found = clusters.first { $0["cluster"]?.string == cluster }
        guard let key = found?["keys"]?[0], let id = key["keyId"]?.string,
            let bytes = key["publicKey"]?.string.flatMap(Base64.decode)
        else {
            throw CommandFailure.unreachable(
                "the cluster \(Console.printable(cluster)) has announced no key yet: is an executor running?"
            )
        }
        return try Sealer(publicKey: bytes, keyID: id)
    }

    /// One entry of `registryCredentials`, sealed where it was in the clear.
    static func entry(_ credential: RegistryCredential, taskID: TaskID, key: Sealer?) throws -> JSONValue {
        let registry = JSONValue.string(credential.scope.key)
        switch credential.source {
        case .secretRef(let name): return ["registry": registry, "secretRef": ["name": .string(name)]]
        case .sealed(let box): return ["registry": registry, "sealed": box.json]
        case .basic, .identityToken, .dockerConfigJSON:
            guard let key, let plain = PlainCredential(credential.source) else { return ["registry": registry] }
            let binding = SealBinding(taskID: taskID, scope: credential.scope)
            return ["registry": registry, "sealed": try key.seal(plain.sealedForm, binding: binding).json]
        }
    }
}
