import CCurl
import Glibc
import Synchronization

/// The thread that drives all transfers of one client, and the way for other threads to reach it.
///
/// Thread safety: the methods may be called from any thread; they put a command into the inbox and wake the thread. The
/// descriptors are closed when the last reference goes, and the thread holds one.
final class CurlLoop: Sendable {
    enum Command {
        case start(CurlTransfer)
        case cancel(CurlTransfer)
        /// The reader of a stream has made room.
        case resume(CurlTransfer)
    }

    struct Inbox {
        var commands: [Command] = []
        var isClosing = false
        var hasEnded = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    let inbox = Mutex(Inbox())
    let poller: Int32
    let waker: Int32

    /// Makes the descriptors and starts the thread.
    init(configuration: CurlClient.Configuration) throws(CurlError) {
        guard CurlLibrary.initialisation == CURLE_OK else { throw CurlError(.aborted, "libcurl cannot be initialised") }
        poller = longshore_curl_poller()
        waker = poller >= 0 ? longshore_curl_waker(poller) : -1
        guard waker >= 0, let engine = CurlEngine(loop: self, configuration: configuration) else {
            throw CurlError(.aborted, "the system has no room for another event loop")
        }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(engine)
        let status = pthread_create(&thread, nil, runEngine, context.toOpaque())
        guard status == 0 else {
            context.release()
            throw CurlError(.aborted, "the system has no room for another thread")
        }
        pthread_detach(thread)
    }

    deinit {
        if waker >= 0 { Glibc.close(waker) }
        if poller >= 0 { Glibc.close(poller) }
    }

    /// Hands a transfer over. Its sink learns the end, also when the loop is closed already.
    func start(_ transfer: CurlTransfer) {
        guard send(.start(transfer)) else {
            transfer.sink.finish(.failure(CurlError(.closed, "the HTTP client is closed")))
            return
        }
    }

    /// Ends a transfer early; no effect on one that has ended.
    func cancel(_ transfer: CurlTransfer) {
        transfer.isCancelled.store(true, ordering: .sequentiallyConsistent)
        _ = send(.cancel(transfer))
    }

    /// Lets a paused transfer go on.
    func resume(_ transfer: CurlTransfer) {
        _ = send(.resume(transfer))
    }

    /// Asks the thread to end all transfers and then itself; returns at once.
    func close() {
        inbox.withLock { $0.isClosing = true }
        longshore_curl_wake(waker)
    }

    /// Waits until the thread has ended all transfers.
    func waitUntilClosed() async {
        await withCheckedContinuation { continuation in
            let hasEnded = inbox.withLock { inbox in
                if !inbox.hasEnded { inbox.closers.append(continuation) }
                return inbox.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func send(_ command: Command) -> Bool {
        let (isAccepted, wasEmpty) = inbox.withLock { inbox in
            guard !inbox.isClosing else { return (false, false) }
            let wasEmpty = inbox.commands.isEmpty
            inbox.commands.append(command)
            return (true, wasEmpty)
        }
        if wasEmpty { longshore_curl_wake(waker) }
        return isAccepted
    }
}

private func runEngine(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    longshore_curl_name_thread("curl")
    // Signals belong to the main thread; SIGPIPE above all, which OpenSSL's writes raise.
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
    Unmanaged<CurlEngine>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
