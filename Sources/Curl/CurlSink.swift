import Synchronization

/// Where a transfer's response goes.
///
/// All methods are called on the loop's thread, ``finish(_:)`` exactly once and last.
protocol CurlSink: AnyObject, Sendable {
    /// Takes the final head.
    func take(head: CurlHeadParser.Head)
    /// Takes a piece of the body, or returns false when there is no room now: then nothing of it was taken, and the
    /// transfer is to be paused.
    func take(body: UnsafeRawBufferPointer) -> Bool
    /// Learns how the transfer ended.
    func finish(_ result: Result<CurlTransferEnd, CurlError>)
}

/// The good end of a transfer.
struct CurlTransferEnd: Sendable {
    /// Whether the body was cut at its limit, or broke off and the request tolerates that.
    var isTruncated: Bool
    /// How it went.
    var summary: CurlTransferSummary
}

/// Gathers a whole response for one waiting task.
///
/// Thread safety: `await(start:)` sets the continuation before the transfer is handed to the loop; from then on only the
/// loop's thread touches the object.
final class CurlBufferedSink: CurlSink {
    private nonisolated(unsafe) var head: CurlHeadParser.Head?
    private nonisolated(unsafe) var body: [UInt8] = []
    private nonisolated(unsafe) var continuation: CheckedContinuation<Result<CurlResponse, CurlError>, Never>?

    /// Waits for the response.
    ///
    /// - Parameter start: Hands the transfer to the loop; called once.
    /// - Returns: The response or why there is none.
    func response(start: () -> Void) async -> Result<CurlResponse, CurlError> {
        await withCheckedContinuation { continuation in
            self.continuation = continuation
            start()
        }
    }

    func take(head: CurlHeadParser.Head) {
        self.head = head
        let announced = head.headers.first { equalsIgnoringCase($0.name, "content-length") }.flatMap { Int($0.value) }
        // A peer's word alone reserves no more than 1 MiB.
        if let announced, announced > 0 { body.reserveCapacity(min(announced, 1 << 20)) }
    }

    func take(body piece: UnsafeRawBufferPointer) -> Bool {
        body.append(contentsOf: piece)
        return true
    }

    func finish(_ result: Result<CurlTransferEnd, CurlError>) {
        let waiting = continuation
        continuation = nil
        let response = result.flatMap { end -> Result<CurlResponse, CurlError> in
            guard let head else { return .failure(CurlError(.protocol, "the peer sent no response head")) }
            return .success(
                CurlResponse(
                    status: head.status,
                    headers: head.headers,
                    body: body,
                    isTruncated: end.isTruncated,
                    transfer: end.summary
                )
            )
        }
        body = []
        waiting?.resume(returning: response)
    }
}
