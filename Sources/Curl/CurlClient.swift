import Redaction

/// An HTTP client: libcurl's multi interface on a thread of its own.
///
/// Connections are kept and reused; on TLS, `execute` shares one HTTP/2 connection among requests to the same host.
/// Thousands of requests and hundreds of streams can be under way at once; the caller bounds them.
///
/// A request that fails on a reused connection before any byte of the answer is sent once more by libcurl, whatever its
/// method: as with any network, a request may arrive twice.
///
/// Thread safety: every method may be called from any task.
package final class CurlClient: Sendable {
    private let configuration: Configuration
    private let material: CurlKeyMaterial
    private let resolver: CurlResolver
    let loop: CurlLoop

    /// Starts a client's thread.
    ///
    /// - Throws: ``CurlError/Code/aborted`` when the system has no room for it.
    package init(configuration: Configuration = Configuration()) throws(CurlError) {
        self.configuration = configuration
        self.material = CurlKeyMaterial(configuration: configuration)
        self.resolver = CurlResolver(configuration: configuration)
        self.loop = try CurlLoop(configuration: configuration)
    }

    deinit {
        loop.close()
    }

    /// Sends a request and waits for the whole response. Cancelling the task ends the transfer.
    ///
    /// - Parameter request: What to send.
    /// - Returns: The response, whatever its status.
    /// - Throws: ``CurlError`` when there is none.
    package func execute(_ request: CurlRequest) async throws(CurlError) -> CurlResponse {
        let limit = min(request.maximumResponseBytes ?? .max, configuration.maximumBufferedBytes)
        let sink = CurlBufferedSink()
        let transfer = try await prepare(request, isStream: false, maximumBytes: limit, sink: sink)
        let loop = loop
        let result = await withTaskCancellationHandler {
            await sink.response(start: { loop.start(transfer) })
        } onCancel: {
            loop.cancel(transfer)
        }
        return try result.get()
    }

    /// Sends a request and returns as soon as the status and the headers are there.
    ///
    /// - Parameter request: What to send; its total time-out, if any, covers the body too.
    /// - Returns: The head, and the body to be read.
    /// - Throws: ``CurlError`` when there is no head.
    package func stream(_ request: CurlRequest) async throws(CurlError) -> CurlStreamResponse {
        let buffer = CurlStreamBuffer(limit: configuration.streamBufferBytes)
        let limit = request.maximumResponseBytes
        let transfer = try await prepare(request, isStream: true, maximumBytes: limit, sink: buffer)
        let loop = loop
        let result = await withTaskCancellationHandler {
            await buffer.head(start: { loop.start(transfer) })
        } onCancel: {
            loop.cancel(transfer)
        }
        let head = try result.get()
        let reader = CurlStreamReader(client: self, transfer: transfer, buffer: buffer)
        return CurlStreamResponse(status: head.status, headers: head.headers, body: CurlBody(reader: reader))
    }

    /// Resolves a request's host and judges its addresses as for the request itself; connects to nothing.
    ///
    /// - Parameter request: Its URL, its address policy and its time-outs count.
    /// - Throws: ``CurlError/Code/addressRefused`` when the policy refuses an address; otherwise why nothing is known.
    package func judgeAddress(of request: CurlRequest) async throws(CurlError) {
        _ = try await resolver.addresses(of: CurlURL(parsing: request.url), for: request)
    }

    /// Ends all transfers with ``CurlError/Code/closed`` and waits until the thread is done. Later requests fail.
    package func close() async {
        loop.close()
        await loop.waitUntilClosed()
    }

    private func prepare(
        _ request: CurlRequest,
        isStream: Bool,
        maximumBytes: Int?,
        sink: any CurlSink
    ) async throws(CurlError) -> CurlTransfer {
        let start = ContinuousClock.now
        let url = try CurlURL(parsing: request.url)
        let pins = try await resolver.addresses(of: url, for: request)
        let plan = CurlTransferPlan(
            url: url,
            pins: pins,
            isStream: isStream,
            maximumBytes: maximumBytes,
            elapsed: .now - start
        )
        return try CurlTransfer(
            request: request,
            plan: plan,
            configuration: configuration,
            material: material,
            sink: sink
        )
    }
}
