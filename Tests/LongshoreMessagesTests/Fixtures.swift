import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

/// Every message of this release with every field filled in, and the files that hold them as other releases read them.
enum Fixtures {
    static let taskID = TaskID("06d0wzjr9w7g1h3mbe2rn4x8kq")!
    static let time = Timestamp(rfc3339: "2026-11-21T01:02:03.456Z")!
    static let traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    static var spec: TaskSpec {
        get throws {
            let json: JSONValue = [
                "images": [
                    "nginx:1.27", ["image": "harbor.example.com/ml/train:v3", "secretRef": ["name": "ml-robot"]],
                ],
                "nodes": ["matchLabels": ["workload": "gpu"], "includeCordoned": true],
                "registryCredentials": [["registry": "quay.io", "secretRef": ["name": "quay-pull"]]],
                "overrides": [
                    [
                        "matchLabels": ["region": "hz"],
                        "images": [["component": "registry", "operator": "replace", "value": "hz.example.com"]],
                        "secrets": [["component": "secretName", "operator": "replace", "value": "hz-secret"]],
                    ]
                ],
                "failureTolerance": 0.1, "maxRetries": 2, "retryStrategy": "exponential", "pullPolicy": "IfNotPresent",
                "webhookUrl": "https://ci.example.com/hook", "labels": ["team": "ml"],
            ]
            let request = try TaskRequest.parse(json, channel: .http, defaults: RequestDefaults())
            return TaskSpec(request: request) { SecretNames.pullSecret(taskID, scope: $0) }
        }
    }

    static func box(_ seed: UInt8) -> SealedBox {
        SealedBox(
            keyID: "0123456789abcdef",
            encapsulatedKey: [UInt8](repeating: seed, count: 32),
            ciphertext: [UInt8](repeating: seed &+ 1, count: 48)
        )
    }

    static var submitted: TaskSubmitted {
        get throws {
            let scope = try RegistryScope(parsing: "harbor.example.com/ml")
            return TaskSubmitted(
                taskID: taskID,
                spec: try spec,
                sealedCredentials: [
                    SealedCredential(
                        scope: scope,
                        secretName: SecretNames.pullSecret(taskID, scope: scope),
                        box: box(7)
                    )
                ],
                acceptedAt: time,
                requestHash: SecretNames.sha256(Array("request".utf8)),
                idempotencyKey: "build-42",
                source: .http,
                traceParent: traceParent
            )
        }
    }

    static let command = TaskCommand(
        id: "06d0wzjr9w7g1h3mbe2rn4x8kq-patch-1",
        taskID: taskID,
        project: "default",
        cluster: "edge",
        priorityClass: .normal,
        kind: .patch,
        patch: TaskPatch(batchSize: 20, timeoutSeconds: 600, priority: 9, deadlineSeconds: 7_200),
        requestedAt: time,
        traceParent: traceParent
    )

    static let announcement = ClusterAnnouncement(
        cluster: "edge",
        keys: [AnnouncedKey(keyID: "0123456789abcdef", publicKey: [UInt8](repeating: 9, count: 32), createdAt: time)],
        executors: ["executor-0", "executor-1"],
        version: "1.0.0",
        kubernetesVersion: "v1.36.0",
        heartbeatAt: time
    )

    static let requested = TaskRequested(
        eventID: "run-7",
        source: "/ci/pipelines/12",
        request: ["images": ["nginx:1.27"], "priority": 8],
        idempotencyKey: "build-42",
        time: time,
        traceParent: traceParent
    )

    /// One event of each type, with the fields that this type has.
    static func event(_ type: EventType) throws -> TaskEvent {
        let isNode = type.nodePhase != nil
        let sequence: Int64 = 42
        var event = TaskEvent(
            id: EventIdentity.event(
                taskID,
                type: type,
                node: isNode ? "worker-1" : nil,
                attempt: isNode ? 2 : nil,
                sequence: sequence
            ),
            type: type,
            taskID: taskID,
            project: "default",
            cluster: "edge",
            sequence: sequence,
            time: time,
            phase: type.taskPhase ?? .pulling,
            counts: TaskCounts(nodesTotal: 10, succeeded: 4, failed: 1, skipped: 2, pulling: 3)
        )
        event.traceParent = traceParent
        if isNode {
            event.node = "worker-1"
            event.attempt = 2
            event.images = [
                EventImage(
                    image: "docker.io/library/nginx:1.27",
                    phase: .pulled,
                    digest: "sha256:" + String(repeating: "ab", count: 32),
                    bytes: 123_456
                ),
                EventImage(
                    image: "harbor.example.com/ml/train:v3",
                    phase: .failed,
                    cause: .unauthorized,
                    message: "unauthorized: authentication required"
                ),
            ]
        }
        if type == .taskFailed || type == .nodeFailed {
            event.cause = .unauthorized
            event.reason = "FailureToleranceExceeded"
            event.message = "1 of 10 nodes failed"
        }
        if type == .taskProgress || type.isTerminal {
            event.progress = TaskProgress(percent: 70, remaining: .seconds(90))
        }
        if type == .taskRejected {
            event.faults = [EventFault(pointer: "/images", code: "required", detail: "images is required")]
        }
        if type == .taskChecking {
            event.spec = try spec
            event.source = .kubernetes
            event.acceptedAt = time
        }
        return event
    }

    static var missing: TaskMissing { TaskMissing(answering: command) }

    static var nodes: TaskNodes {
        TaskNodes(
            taskID: command.taskID,
            project: command.project,
            cluster: command.cluster,
            askedAt: command.requestedAt,
            part: TaskEvent.Part(number: 1, count: 1),
            nodes: [
                TaskNodes.End(name: "node-1", phase: .succeeded),
                TaskNodes.End(name: "node-2", phase: .failed, cause: .notFound, message: "manifest unknown"),
            ],
            traceParent: command.traceParent
        )
    }

    /// All messages as CloudEvents, by the name of their file.
    static var all: [(name: String, event: CloudEvent)] {
        get throws {
            var all = [
                ("task.requested", requested.event), ("task.submitted", try submitted.event),
                ("task.command", command.event), ("task.missing", missing.event), ("task.nodes", nodes.event),
                ("cluster.announced", announcement.event),
            ]
            for type in EventType.allCases where type.isEvent { all.append((type.shortName, try event(type).event)) }
            return all
        }
    }

    static func path(_ name: String) -> String {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/Fixtures/\(name).json"
    }
}
