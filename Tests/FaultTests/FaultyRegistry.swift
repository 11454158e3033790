import OCIRegistry
import Synchronization
import TestSupport
import WireFormats

/// A registry that serves the same small image under every repository, with one fault for each.
final class FaultyRegistry: Sendable {
    /// What is wrong with a repository; also its name.
    enum Fault: String, CaseIterable {
        /// 401 with a challenge, whatever credential comes.
        case unauthorized
        /// 403, which no other credential mends.
        case forbidden
        /// 404.
        case missing
        /// 429 with `Retry-After`, in the words of Docker Hub.
        case limited
        /// 503, always.
        case broken
        /// 500 to the first requests, then all is well.
        case recovering
        /// The layer is cut off in the middle.
        case cut
        /// The layer is not what its digest says.
        case corrupt
        /// One byte now and then.
        case slow
        /// No answer at all.
        case silent
        /// The token's realm asks for a token again, for ever.
        case looping
    }

    private let server: ScriptedHTTPServer
    private let counts: Counts

    /// How often each repository was asked for its manifest.
    private final class Counts: Sendable {
        private let counts = Mutex<[String: Int]>([:])

        func count(_ name: String) -> Int {
            counts.withLock { counts in
                counts[name, default: 0] += 1
                return counts[name] ?? 0
            }
        }

        func value(_ name: String) -> Int { counts.withLock { $0[name] ?? 0 } }
    }

    /// Starts one on a free port.
    init() throws {
        let image = BuiltImage(layers: [[TarFile(path: "content", bytes: [UInt8](repeating: 7, count: 40_000))]])
        let counts = Counts()
        self.counts = counts
        server = try ScriptedHTTPServer(
            then: Behaviour { request, connection in
                let parts = request.target.split(separator: "/").map(String.init)
                guard parts.count >= 4, let fault = Fault(rawValue: parts[1]) else {
                    return Self.answerOutside(request, connection)
                }
                if parts[2] == "manifests" {
                    let number = counts.count(fault.rawValue)
                    Self.answerManifest(fault, number, image, request, connection)
                } else {
                    Self.answerBlob(fault, parts[3], image, request, connection)
                }
            }
        )
    }

    /// The reference of a repository's image.
    func image(_ fault: Fault) -> String { "127.0.0.1:\(server.port)/\(fault.rawValue):v1" }

    /// `127.0.0.1:port`.
    var address: String { "127.0.0.1:\(server.port)" }

    /// How often a repository's manifest was asked for.
    func manifestRequests(_ fault: Fault) -> Int { counts.value(fault.rawValue) }

    func stop() { server.stop() }

    // MARK: - Answers

    /// `/v2/` itself, and the token server that asks for a token.
    private static func answerOutside(_ request: ScriptedRequest, _ connection: ScriptedConnection) {
        if request.target.hasPrefix("/token") {
            challenge(request, connection)
        } else {
            connection.respond(status: 200, headers: [], body: [])
        }
    }

    private static func challenge(_ request: ScriptedRequest, _ connection: ScriptedConnection) {
        let host = request.header("host") ?? ""
        let value = "Bearer realm=\"http://\(host)/token\",service=\"\(host)\",scope=\"repository:looping:pull\""
        connection.respond(status: 401, headers: [("WWW-Authenticate", value)], body: [])
    }

    private static func answerManifest(
        _ fault: Fault,
        _ number: Int,
        _ image: BuiltImage,
        _ request: ScriptedRequest,
        _ connection: ScriptedConnection
    ) {
        func refuse(_ status: Int, _ code: String, _ message: String, _ headers: [(name: String, value: String)] = []) {
            let body: JSONValue = ["errors": [["code": .string(code), "message": .string(message)]]]
            connection.respond(
                status: status,
                headers: headers + [("Content-Type", "application/json")],
                body: request.method == "HEAD" ? [] : body.serialized()
            )
        }
        switch fault {
        case .unauthorized:
            refuse(401, "UNAUTHORIZED", "authentication required", [("WWW-Authenticate", "Basic realm=\"test\"")])
        case .looping: challenge(request, connection)
        case .forbidden: refuse(403, "DENIED", "requested access to the resource is denied")
        case .missing: refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
        case .limited:
            let message = "You have reached your unauthenticated pull rate limit."
            refuse(429, "TOOMANYREQUESTS", message, [("Retry-After", "1"), ("RateLimit-Remaining", "0;w=21600")])
        case .broken: refuse(503, "UNAVAILABLE", "the registry is down")
        case .recovering where number <= 2: refuse(500, "UNKNOWN", "an internal error")
        case .silent:
            connection.waitForEnd(timeoutMilliseconds: 30_000)
            connection.close()
        case .recovering, .cut, .corrupt, .slow:
            let headers = [
                (name: "Content-Type", value: image.descriptor.mediaType),
                (name: "Docker-Content-Digest", value: image.descriptor.digest.description),
            ]
            let length = (name: "Content-Length", value: "\(image.manifest.count)")
            let body = request.method == "HEAD" ? [] : image.manifest
            connection.respond(status: 200, headers: headers + [length], body: body)
        }
    }

    private static func answerBlob(
        _ fault: Fault,
        _ digest: String,
        _ image: BuiltImage,
        _ request: ScriptedRequest,
        _ connection: ScriptedConnection
    ) {
        var layer = image.layers[0]
        switch fault {
        case _ where OCIDigest(of: image.config).description == digest:
            connection.respond(status: 200, headers: [], body: image.config)
        case .cut:
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(layer.count)\r\n\r\n")
            connection.send(Array(layer.prefix(layer.count / 2)))
            connection.reset()
        case .corrupt:
            layer[layer.count / 2] ^= 1
            connection.respond(status: 200, headers: [], body: layer)
        case .slow: Behaviour.drip(intervalMilliseconds: 100, total: layer.count).act(request, connection)
        default: connection.respond(status: 200, headers: [], body: layer)
        }
    }
}
