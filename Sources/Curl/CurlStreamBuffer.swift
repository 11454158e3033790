import Synchronization

/// The bounded buffer between the loop's thread, which writes a stream's body, and the one task that reads it.
///
/// Thread safety: a mutex guards the state; no continuation is resumed while it is held.
final class CurlStreamBuffer: CurlSink {
    typealias HeadResult = Result<CurlHeadParser.Head, CurlError>
    /// A piece of the body; nil at its end.
    typealias ReadResult = Result<[UInt8]?, CurlError>

    private struct State {
        var head: CurlHeadParser.Head?
        var bytes: [UInt8] = []
        var end: Result<CurlTransferEnd, CurlError>?
        var isPaused = false
        var headWaiter: CheckedContinuation<HeadResult, Never>?
        var reader: CheckedContinuation<Void, Never>?
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: How many bytes may wait before the transfer is paused; one more piece of libcurl's may follow
    ///   when the buffer is not full yet.
    init(limit: Int) {
        self.limit = max(limit, 1)
    }

    /// Waits for the status line and the headers.
    ///
    /// - Parameter start: Hands the transfer to the loop; called once.
    /// - Returns: The head or why there is none.
    func head(start: () -> Void) async -> HeadResult {
        await withCheckedContinuation { continuation in
            state.withLock { $0.headWaiter = continuation }
            start()
        }
    }

    /// Takes all bytes that are there, waiting while there are none.
    ///
    /// - Parameter resume: Lets a paused transfer go on; called without the lock.
    /// - Returns: The bytes, nil at the end, or why the body broke off.
    func read(resume: () -> Void) async -> ReadResult {
        while true {
            let (result, wasPaused) = takeBytes()
            if wasPaused { resume() }
            if let result { return result }
            await withCheckedContinuation { continuation in
                // Something may have arrived since the look above.
                let isReady = state.withLock { state in
                    if state.reader != nil || !state.bytes.isEmpty || state.end != nil { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    private func takeBytes() -> (ReadResult?, wasPaused: Bool) {
        state.withLock { state in
            guard state.reader == nil else {
                return (.failure(CurlError(.invalidRequest, "two tasks read one stream")), false)
            }
            if !state.bytes.isEmpty {
                let bytes = state.bytes
                let wasPaused = state.isPaused
                state.bytes = []
                state.isPaused = false
                return (.success(bytes), wasPaused)
            }
            switch state.end {
            case .success: return (.success(nil), false)
            case .failure(let error): return (.failure(error), false)
            case nil: return (nil, false)
            }
        }
    }

    func take(head: CurlHeadParser.Head) {
        let waiter = state.withLock { state in
            state.head = head
            return exchange(&state.headWaiter)
        }
        waiter?.resume(returning: .success(head))
    }

    func take(body: UnsafeRawBufferPointer) -> Bool {
        let (isTaken, reader) = state.withLock { state in
            guard state.bytes.count < limit else {
                state.isPaused = true
                return (false, CheckedContinuation<Void, Never>?.none)
            }
            state.bytes.append(contentsOf: body)
            return (true, exchange(&state.reader))
        }
        reader?.resume()
        return isTaken
    }

    func finish(_ result: Result<CurlTransferEnd, CurlError>) {
        let (headWaiter, reader) = state.withLock { state in
            state.end = result
            return (exchange(&state.headWaiter), exchange(&state.reader))
        }
        switch result {
        case .success: headWaiter?.resume(returning: .failure(CurlError(.protocol, "the peer sent no response head")))
        case .failure(let error): headWaiter?.resume(returning: .failure(error))
        }
        reader?.resume()
    }

    /// How the transfer went; nil before its good end.
    var summary: CurlTransferSummary? {
        state.withLock { state in
            guard case .success(let end) = state.end else { return nil }
            return end.summary
        }
    }
}

/// Takes a value out of its place.
private func exchange<Value>(_ place: inout Value?) -> Value? {
    let value = place
    place = nil
    return value
}
