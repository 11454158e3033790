import Crypto
import LongshoreDomain
import LongshoreMessages
import RDKafka
import Redaction
import ServiceRuntime
import WireFormats

/// Turns a checked request into a task: its id, its sealed credentials, its row and its message.
struct TaskAcceptor: Sendable {
    /// Why a request that is fine in itself cannot be followed.
    enum Refusal: Error, Sendable {
        /// Something about it is wrong after all.
        case faults(RequestFaults)
        /// It can succeed later.
        case unavailable(String)
    }

    let keys: SealingKeys
    let batcher: AcceptBatcher
    let clock: any WallClock

    /// Accepts a request.
    ///
    /// - Parameters:
    ///   - request: Checked by the domain.
    ///   - idempotencyKey: The client's own key.
    ///   - source: Which way it came.
    ///   - traceParent: The client's trace.
    /// - Returns: How it ended.
    /// - Throws: ``Refusal`` when it did not come to that.
    func accept(
        _ request: TaskRequest,
        idempotencyKey: String?,
        source: TaskSource,
        traceParent: String?
    ) async throws(Refusal) -> AcceptBatcher.Outcome {
        let (message, specText) = try prepare(
            request,
            idempotencyKey: idempotencyKey,
            source: source,
            traceParent: traceParent
        )
        let task = AcceptedTask(
            id: message.taskID,
            spec: message.spec,
            specText: specText,
            source: source.rawValue,
            requestHash: message.requestHash,
            idempotencyKey: idempotencyKey,
            acceptedAt: message.acceptedAt,
            traceparent: traceParent
        )
        return await batcher.submit(.init(task: task, record: ProducerRecord(message.record(specText: specText))))
    }

    /// Makes the message without sending it, and the text of its spec, which is needed more than once.
    private func prepare(
        _ request: TaskRequest,
        idempotencyKey: String?,
        source: TaskSource,
        traceParent: String?
    ) throws(Refusal) -> (TaskSubmitted, specText: String) {
        switch keys.isKnown(request.cluster) {
        case true: break
        case false:
            throw .faults(Self.fault("cluster", .invalidValue, "no executor of this cluster has announced itself"))
        case nil: throw .unavailable("the clusters of the fleet are not known yet")
        }
        if request.hasSealedCredentials, idempotencyKey == nil {
            throw .faults(
                Self.fault(
                    "registryCredentials",
                    .conflict,
                    "a sealed credential is bound to the task's id, which only an idempotency key makes known beforehand"
                )
            )
        }
        let now = clock.now()
        let id =
            idempotencyKey.map { TaskIDs.derived(project: request.project, idempotencyKey: $0) }
            ?? TaskID.v7(at: now, random: Self.randomBytes())
        let spec = TaskSpec(request: request) { SecretNames.pullSecret(id, scope: $0) }
        let specText = spec.text
        let message = TaskSubmitted(
            taskID: id,
            spec: spec,
            sealedCredentials: try seal(request, task: id),
            acceptedAt: now,
            requestHash: Self.hash(of: specText, request),
            idempotencyKey: idempotencyKey,
            source: source,
            traceParent: traceParent
        )
        return (message, specText)
    }

    /// The credentials that travel: those sealed by the client as they are, plaintext ones sealed here and now.
    private func seal(_ request: TaskRequest, task: TaskID) throws(Refusal) -> [SealedCredential] {
        var sealed: [SealedCredential] = []
        var plain: [(scope: RegistryScope, secret: SecretBytes, binding: SealBinding)] = []
        for credential in request.credentials {
            if case .sealed(let box) = credential.source {
                sealed.append(
                    SealedCredential(
                        scope: credential.scope,
                        secretName: SecretNames.pullSecret(task, scope: credential.scope),
                        box: box
                    )
                )
            } else if let value = PlainCredential(credential.source) {
                let binding = SealBinding(taskID: task, scope: credential.scope)
                plain.append((credential.scope, value.sealedForm, binding))
            }
        }
        guard !plain.isEmpty else { return sealed }
        guard let sealer = keys.sealer(for: request.cluster) else {
            throw .unavailable("no key of this cluster's executors is known yet, so that credentials cannot be sealed")
        }
        do {
            let boxes = try sealer.seal(plain.map { ($0.secret, $0.binding) })
            return sealed
                + zip(plain, boxes).map { credential, box in
                    SealedCredential(
                        scope: credential.scope,
                        secretName: SecretNames.pullSecret(task, scope: credential.scope),
                        box: box
                    )
                }
        } catch {
            throw .unavailable("the key of this cluster's executors cannot be used")
        }
    }

    /// By which a repeated request is recognised. No password goes into it: whoever reads the hash must not be able to try
    /// passwords, so the same request with another password is the same request.
    private static func hash(of specText: String, _ request: TaskRequest) -> [UInt8] {
        var text = specText
        for credential in request.credentials.sorted(by: { $0.scope < $1.scope }) {
            guard case .basic(let username, _) = credential.source else { continue }
            text += "\n\(credential.scope.key)\n\(username)"
        }
        return Array(SHA256.hash(data: Array(text.utf8)))
    }

    private static func fault(_ field: String, _ kind: RequestFaultCode, _ detail: String) -> RequestFaults {
        RequestFaults([RequestFault(pointer: JSONPointer().appending(field), kind: kind, detail: detail)])
    }

    /// Sixteen bytes. The system is asked for eight at a time: each time is a call of the kernel.
    private static func randomBytes() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).flatMap { _ in
            let number = generator.next()
            return stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
        }
    }
}
