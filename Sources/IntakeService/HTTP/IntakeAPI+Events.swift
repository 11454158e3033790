import HTTPTypes
import Hummingbird
import LongshoreDomain
import WireFormats

/// `GET /v1/tasks/{id}/events`: server-sent events (WHATWG HTML, section 9.2).
///
/// Each has the task's sequence as its id, so a client that comes back with `Last-Event-ID` misses nothing. The stream ends
/// after the event with which the task ends.
extension IntakeAPI {
    func followEvents(_ id: String, _ request: Request, _ context: IntakeContext) async throws -> Response {
        let principal = try principal(request)
        let query = try Query(request.uri.query, allowed: ["lastEventId"])
        let lastText = request.headers[.lastEventID] ?? query.text("lastEventId") ?? "0"
        guard let last = Int(lastText), last >= 0 else {
            throw query.invalid("lastEventId", "must be the id of an event of this stream")
        }
        let task = try await visibleTask(id, principal)
        switch feed.room(for: principal.name) {
        case .free: break
        case .full: throw Problem.unavailable("too many streams are open", retryAfter: .seconds(10))
        case .ownerFull:
            let detail = "this token has as many streams open as it may; end one, or read the task instead"
            var problem = Problem(.tooManyRequests, .tooManyRequests, detail)
            problem.setRetryAfter(.seconds(10))
            throw problem
        }
        let stream = EventStream(
            task: task,
            after: last,
            owner: principal.name,
            showsWebhook: principal.seesWebhooks,
            store: store,
            feed: feed,
            connection: context.connection
        )
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                // Proxies of the nginx family would collect the stream otherwise.
                .xAccelBuffering: "no",
            ],
            body: ResponseBody(asyncSequence: stream)
        )
    }
}

extension HTTPField.Name {
    /// Tells a proxy not to collect the answer.
    static let xAccelBuffering = HTTPField.Name("X-Accel-Buffering") ?? .cacheControl
}
