import Curl
import WireFormats

extension KubernetesClient {
    /// Watches objects over one connection.
    ///
    /// The stream ends when the server ends the watch, which it does every few minutes: watch again from the last event's
    /// `resourceVersion`. It fails with `expired` where that version is too old: list again. ``Informer`` does both. Events are
    /// read from the connection only as fast as they are taken from the stream.
    ///
    /// - Parameters:
    ///   - type: Their type.
    ///   - options: The selection, and the version to start after.
    /// - Returns: The events; to be read by one task. Letting go of it ends the connection.
    package func watch<R: KubernetesResource>(
        _ type: R.Type,
        _ options: ListOptions = ListOptions()
    ) -> AsyncThrowingStream<WatchEvent<R>, any Error> {
        let connection = WatchConnection<R>(client: self, options: options)
        return AsyncThrowingStream(unfolding: { try await connection.next() })
    }
}

/// One watch: opens its connection at the first event that is asked for, and closes it when it goes.
actor WatchConnection<R: KubernetesResource> {
    private enum State {
        case idle
        case open(CurlBody.AsyncIterator, WatchLineFramer)
        case ended
    }

    private let client: KubernetesClient
    private let options: ListOptions
    private var state = State.idle

    /// Creates a watch; nothing is sent yet.
    init(client: KubernetesClient, options: ListOptions) {
        self.client = client
        self.options = options
    }

    /// The next event; `nil` at the end.
    func next() async throws -> WatchEvent<R>? {
        do {
            return try await nextOrFail()
        } catch {
            state = .ended
            throw error
        }
    }

    private func nextOrFail() async throws -> WatchEvent<R>? {
        if case .idle = state {
            // Nobody else can use the actor's state while this waits: a stream is read by one task.
            let response = try await open()
            state = .open(response.body.makeAsyncIterator(), WatchLineFramer())
        }
        guard case .open(var iterator, var framer) = state else { return nil }
        state = .ended
        while true {
            if let line = try framer.next() {
                let event = decode(try WatchLine(line, omitting: options.omitted))
                state = .open(iterator, framer)
                return event
            }
            let chunk: [UInt8]?
            do throws(CurlError) {
                chunk = try await iterator.next(isolation: #isolation)
            } catch {
                throw KubernetesError(error)
            }
            guard let chunk else {
                guard let rest = framer.finish() else { return nil }
                return try last(rest)
            }
            framer.append(chunk)
        }
    }

    private func open() async throws(KubernetesError) -> CurlStreamResponse {
        // Random, so that the watches of many clients do not all begin anew in the same second.
        let timeout = options.timeoutSeconds ?? Int.random(in: 240..<480)
        var request = APIRequest(
            R.self,
            verb: "watch",
            method: "GET",
            namespace: options.namespace,
            isRepeatable: true
        )
        request.query = options.watchQuery(timeoutSeconds: timeout)
        return try await client.openStream(request, idleTimeout: options.idleTimeout)
    }

    /// A line whose end was not sent: an event if it is whole, otherwise the connection was cut in the middle of it.
    private func last(_ line: [UInt8]) throws(KubernetesError) -> WatchEvent<R> {
        do throws(KubernetesError) {
            return decode(try WatchLine(line, omitting: options.omitted))
        } catch  where error.reason == .invalidResponse {
            throw KubernetesError(reason: .transport, message: "the watch was cut off in the middle of an event")
        }
    }

    private func decode(_ line: WatchLine) -> WatchEvent<R> {
        switch line {
        case .added(let json): decode(json, as: WatchEvent.added)
        case .modified(let json): decode(json, as: WatchEvent.modified)
        case .deleted(let json): decode(json, as: WatchEvent.deleted)
        case .bookmark(let version): .bookmark(resourceVersion: version)
        }
    }

    private func decode(_ json: JSONValue, as event: (R) -> WatchEvent<R>) -> WatchEvent<R> {
        do throws(JSONMappingError) {
            return event(try R(json: json))
        } catch {
            let key = client.unreadable(R.self, json, error)
            return .unreadable(key, resourceVersion: json["metadata"]?["resourceVersion"]?.string)
        }
    }
}
