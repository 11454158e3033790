/// The body of a streamed response, piece by piece as it arrives.
///
/// When its reader is slow, the transfer is paused, so that at most
/// ``CurlClient/Configuration/streamBufferBytes`` (and one piece) wait in memory. Only one task may read, and once.
/// When the last reference goes, the transfer ends.
package struct CurlBody: AsyncSequence, Sendable {
    /// What the body is made of.
    package typealias Element = [UInt8]
    /// Why a body can break off.
    package typealias Failure = CurlError

    let reader: CurlStreamReader

    /// Reads one piece after the other.
    package struct AsyncIterator: AsyncIteratorProtocol {
        let reader: CurlStreamReader

        /// The next piece, or nil at the body's end.
        ///
        /// - Throws: ``CurlError`` when the body breaks off; ``CurlError/Code/cancelled`` when the task is cancelled.
        package mutating func next() async throws(CurlError) -> [UInt8]? {
            try await reader.read()
        }

        /// The next piece, or nil at the body's end.
        package mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(CurlError) -> [UInt8]? {
            try await reader.read()
        }
    }

    /// Starts reading.
    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }

    /// Reads to the end.
    ///
    /// - Parameter limit: The most bytes to gather.
    /// - Returns: The bytes, and whether there were more than `limit`; then the transfer is ended.
    /// - Throws: ``CurlError`` when the body breaks off.
    package func collect(upTo limit: Int) async throws(CurlError) -> (bytes: [UInt8], isTruncated: Bool) {
        var gathered: [UInt8] = []
        while let piece = try await reader.read() {
            guard gathered.count + piece.count <= limit else {
                gathered += piece.prefix(limit - gathered.count)
                reader.cancel()
                return (gathered, true)
            }
            gathered += piece
        }
        return (gathered, false)
    }

    /// Ends the transfer; the reader gets ``CurlError/Code/cancelled``.
    package func cancel() { reader.cancel() }

    /// How the transfer went; nil before its good end.
    package var transfer: CurlTransferSummary? { reader.summary }
}

/// What holds a streamed transfer open.
final class CurlStreamReader: Sendable {
    // Keeps the client, and with it the loop, for as long as the stream is read.
    private let client: CurlClient
    private let transfer: CurlTransfer
    private let buffer: CurlStreamBuffer

    init(client: CurlClient, transfer: CurlTransfer, buffer: CurlStreamBuffer) {
        self.client = client
        self.transfer = transfer
        self.buffer = buffer
    }

    deinit {
        client.loop.cancel(transfer)
    }

    var summary: CurlTransferSummary? { buffer.summary }

    func cancel() { client.loop.cancel(transfer) }

    func read() async throws(CurlError) -> [UInt8]? {
        let loop = client.loop
        let transfer = transfer
        let result = await withTaskCancellationHandler {
            await buffer.read(resume: { loop.resume(transfer) })
        } onCancel: {
            loop.cancel(transfer)
        }
        return try result.get()
    }
}
