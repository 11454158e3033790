import Redaction
import WireFormats

/// The simulator's own endpoints under `/simulator/`, for programs that run beside it.
///
/// | | |
/// |---|---|
/// | `POST /simulator/nodes/<name>/lose`, `/restore`, `/remove`, `/evict` | |
/// | `POST /simulator/nodes/<name>/disk?full=true` | fills or frees the disk |
/// | `POST /simulator/nodes/<name>/speed` | `{"latencyMilliseconds", "bandwidthBytesPerSecond"}` |
/// | `POST /simulator/nodes/<name>/credentials` | `{"location", "username", "password"}`: a credential of the node's own |
/// | `GET /simulator/nodes/<name>/images` | what is in the image store |
/// | `POST /simulator/faults` | `{"status", "drop", "verb", "resource", "namespace", "name", "user", "count", "delayMilliseconds", "longestDelayMilliseconds", "delaysAnswer", "afterwards", "retryAfterSeconds"}` |
/// | `DELETE /simulator/faults` | ends API and image faults |
/// | `POST /simulator/imagefaults` | `{"failure", "imagePrefix", "node", "count", "onlyWithoutCredential"}` |
/// | `POST /simulator/watches/cut?resource=`, `/simulator/compact` | |
/// | `GET /simulator/audit?after=` | the kept API calls |
struct SimulatorControls: Sendable {
    let simulator: ClusterSimulator

    /// The answer to a request below `/simulator/`; nil for any other path.
    func respond(to request: APIRequest) async -> APIResponse? {
        let parts = request.path.split(separator: "/").map { PercentEncoding.decode($0, plusIsSpace: false) }
        guard parts.first == "simulator" else { return nil }
        do throws(APIStatusError) {
            let body = try request.json()
            switch (request.method, parts.dropFirst().first, parts.count) {
            case ("GET", "nodes", 4) where parts[3] == "images": return await images(parts[2])
            case ("POST", "nodes", 4): return try await node(parts[2], parts[3], request, body)
            case ("POST", "faults", 2):
                let id = simulator.addFault(Self.fault(body))
                return .json(["id": .integer(Int64(id))], status: 201)
            case ("DELETE", "faults", 2):
                simulator.removeAllFaults()
                await simulator.removeImageFaults()
                return .json([:])
            case ("POST", "imagefaults", 2):
                await simulator.addImageFault(Self.imageFault(body))
                return .json([:], status: 201)
            case ("POST", "watches", 3):
                simulator.cutWatches(of: request.query["resource"])
                return .json([:])
            case ("POST", "compact", 2):
                simulator.compactHistory()
                return .json([:])
            case ("GET", "audit", 2): return audit(after: request.query.integer("after") ?? 0)
            default: throw .unknownPath
            }
        } catch {
            return .error(error)
        }
    }

    private func node(
        _ name: String,
        _ action: String,
        _ request: APIRequest,
        _ body: JSONValue
    ) async throws(APIStatusError) -> APIResponse {
        guard simulator.object("nodes", name: name) != nil else { throw .notFound(.nodes, name) }
        switch action {
        case "lose": await simulator.loseNode(name)
        case "restore": await simulator.restoreNode(name)
        case "remove": await simulator.removeNode(name)
        case "evict": await simulator.evictPods(on: name)
        case "disk": await simulator.setDiskFull(name, request.query.flag("full"))
        case "speed":
            await simulator.setPullSpeed(
                name,
                latency: .milliseconds(body["latencyMilliseconds"]?.integer ?? 0),
                bandwidthBytesPerSecond: body["bandwidthBytesPerSecond"]?.integer
            )
        case "credentials":
            await simulator.addCredential(
                NodeTemplate.RegistryCredential(
                    location: body["location"]?.string ?? "",
                    username: body["username"]?.string ?? "",
                    password: SecretBytes(utf8: body["password"]?.string ?? "")
                ),
                to: name
            )
        default: throw .unknownPath
        }
        return .json([:])
    }

    private func images(_ node: String) async -> APIResponse {
        let images = await simulator.images(on: node).map { image -> JSONValue in
            [
                "names": .array(image.names.map { .string($0) }), "digest": .string(image.digest),
                "manifestDigest": .string(image.manifestDigest),
                "blobs": .object(
                    JSONObject(image.blobs.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) })
                ),
            ]
        }
        return .json(["items": .array(images)])
    }

    private func audit(after sequence: Int) -> APIResponse {
        let records = simulator.auditRecords(after: sequence).map { record -> JSONValue in
            [
                "sequence": .integer(Int64(record.sequence)), "time": .string(record.time.rfc3339Micro),
                "verb": .string(record.verb), "group": .string(record.group), "resource": .string(record.resource),
                "subresource": .string(record.subresource), "namespace": .string(record.namespace),
                "name": .string(record.name), "user": .string(record.user), "userAgent": .string(record.userAgent),
                "code": .integer(Int64(record.code)),
            ]
        }
        return .json(["items": .array(records)])
    }

    private static func fault(_ body: JSONValue) -> APIFault {
        let outcome: APIFault.Outcome
        if body["drop"]?.bool == true {
            outcome = .drop
        } else if let status = body["status"]?.integer {
            outcome = .status(status, retryAfterSeconds: body["retryAfterSeconds"]?.integer)
        } else {
            outcome = .proceed
        }
        return APIFault(
            outcome,
            verb: body["verb"]?.string,
            resource: body["resource"]?.string,
            namespace: body["namespace"]?.string,
            name: body["name"]?.string,
            user: body["user"]?.string,
            count: body["count"]?.integer,
            delay: .milliseconds(body["delayMilliseconds"]?.integer ?? 0),
            longestDelay: body["longestDelayMilliseconds"]?.integer.map { .milliseconds($0) },
            delaysAnswer: body["delaysAnswer"]?.bool ?? false,
            happensAfterwards: body["afterwards"]?.bool ?? false
        )
    }

    private static func imageFault(_ body: JSONValue) -> ImageFault {
        let text = body["failure"]?.string ?? ""
        let failure: ImageFault.Failure =
            switch text {
            case "unauthorized": .unauthorized
            case "forbidden": .forbidden
            case "notFound": .notFound
            case "rateLimited": .rateLimited
            case "network": .network
            case "tls": .tls
            case "diskFull": .diskFull
            case "architecture": .architecture
            case "hang": .hang
            default: .message(text)
            }
        return ImageFault(
            failure,
            imagePrefix: body["imagePrefix"]?.string ?? "",
            node: body["node"]?.string,
            count: body["count"]?.integer,
            onlyWithoutCredential: body["onlyWithoutCredential"]?.bool ?? false
        )
    }
}
