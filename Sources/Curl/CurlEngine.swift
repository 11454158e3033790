import CCurl
import Glibc
import Synchronization

/// The multi handle and its event loop: `curl_multi_socket_action` over epoll.
///
/// With `curl_multi_poll` each event costs time for every transfer there is; here only for those it concerns, which is
/// what hundreds of idle watches beside busy requests need.
///
/// Thread safety: none; everything but `init` runs on the loop's thread.
final class CurlEngine {
    private let loop: CurlLoop
    private let poller: Int32
    private let waker: Int32
    private let multi: UnsafeMutableRawPointer
    private var running: [ObjectIdentifier: CurlTransfer] = [:]
    /// Those of ``running`` with an idle time-out or a time-out for the body.
    private var idleWatched: [ObjectIdentifier: CurlTransfer] = [:]
    private var nextIdleCheck: ContinuousClock.Instant?
    /// When libcurl wants to be called though no socket is ready.
    fileprivate var timer: ContinuousClock.Instant?

    private static let idleCheckInterval = Duration.milliseconds(50)

    init?(loop: CurlLoop, configuration: CurlClient.Configuration) {
        guard let multi = curl_multi_init() else { return nil }
        self.loop = loop
        self.poller = loop.poller
        self.waker = loop.waker
        self.multi = multi
        let context = Unmanaged.passUnretained(self).toOpaque()
        longshore_curl_multi_setopt_socket(multi, socketChanged)
        longshore_curl_multi_setopt_pointer(multi, CURLMOPT_SOCKETDATA, context)
        longshore_curl_multi_setopt_timer(multi, timerChanged)
        longshore_curl_multi_setopt_pointer(multi, CURLMOPT_TIMERDATA, context)
        longshore_curl_multi_setopt_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maximumConnectionsPerHost)
        longshore_curl_multi_setopt_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, configuration.maximumConnections)
        longshore_curl_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, max(1, configuration.maximumIdleConnections))
    }

    deinit {
        curl_multi_cleanup(multi)
    }

    /// Works until the loop is closed.
    func run() {
        var ready = [longshore_curl_ready](repeating: longshore_curl_ready(), count: 128)
        while true {
            let count = longshore_curl_poll(poller, &ready, Int32(ready.count), timeoutMilliseconds())
            for event in ready[..<Int(count)] {
                if event.descriptor == waker {
                    longshore_curl_woken(waker)
                } else {
                    act(on: event.descriptor, events: event.events)
                }
            }
            if let timer, timer <= .now {
                self.timer = nil
                act(on: CURL_SOCKET_BAD, events: 0)
            }
            finishDone()
            let isClosing = obeyCommands()
            checkIdle()
            if isClosing { break }
        }
        end()
    }

    private func act(on descriptor: Int32, events: Int32) {
        var still: Int32 = 0
        _ = curl_multi_socket_action(multi, descriptor, events, &still)
    }

    private func timeoutMilliseconds() -> Int32 {
        let due = [timer, nextIdleCheck].compactMap(\.self).min()
        guard let due else { return -1 }
        let left = due - .now
        return left <= .zero ? 0 : Int32(clamping: left.wholeMilliseconds)
    }

    // MARK: - Commands

    private func obeyCommands() -> Bool {
        let (commands, isClosing) = loop.inbox.withLock { inbox in
            let commands = inbox.commands
            inbox.commands = []
            return (commands, inbox.isClosing)
        }
        for command in commands {
            switch command {
            case .start(let transfer): start(transfer)
            case .cancel(let transfer): abort(transfer, CurlError(.cancelled, "the request was cancelled"))
            case .resume(let transfer): resume(transfer)
            }
        }
        return isClosing
    }

    private func start(_ transfer: CurlTransfer) {
        guard !transfer.isCancelled.load(ordering: .sequentiallyConsistent) else {
            transfer.abortion = CurlError(.cancelled, "the request was cancelled")
            return transfer.finish(CURLE_ABORTED_BY_CALLBACK)
        }
        transfer.lastActivity = .now
        guard let easy = transfer.easy, curl_multi_add_handle(multi, easy) == CURLM_OK else {
            return transfer.finish(CURLE_FAILED_INIT)
        }
        running[ObjectIdentifier(transfer)] = transfer
        guard transfer.idleTimeout != nil || transfer.bodyTimeout != nil else { return }
        idleWatched[ObjectIdentifier(transfer)] = transfer
        if nextIdleCheck == nil { nextIdleCheck = .now + Self.idleCheckInterval }
    }

    private func abort(_ transfer: CurlTransfer, _ error: CurlError) {
        guard running[ObjectIdentifier(transfer)] != nil else { return }
        if transfer.abortion == nil { transfer.abortion = error }
        finish(transfer, CURLE_ABORTED_BY_CALLBACK)
    }

    private func resume(_ transfer: CurlTransfer) {
        guard running[ObjectIdentifier(transfer)] != nil, transfer.isPaused, let easy = transfer.easy else { return }
        // First: libcurl may hand over what it has kept, and be paused again, inside this call.
        transfer.isPaused = false
        transfer.lastActivity = .now
        _ = curl_easy_pause(easy, CURLPAUSE_CONT)
        act(on: CURL_SOCKET_BAD, events: 0)
        finishDone()
    }

    // MARK: - Ends

    private func finishDone() {
        var result = CURLE_OK
        while let easy = longshore_curl_done_handle(multi, &result) {
            var context: UnsafeMutableRawPointer?
            longshore_curl_getinfo_pointer(easy, CURLINFO_PRIVATE, &context)
            guard let context else { continue }
            finish(Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue(), result)
        }
    }

    private func finish(_ transfer: CurlTransfer, _ result: CURLcode) {
        running[ObjectIdentifier(transfer)] = nil
        idleWatched[ObjectIdentifier(transfer)] = nil
        if let easy = transfer.easy { curl_multi_remove_handle(multi, easy) }
        transfer.finish(result)
    }

    private func checkIdle() {
        guard let due = nextIdleCheck, due <= .now else { return }
        let now = ContinuousClock.now
        for transfer in Array(idleWatched.values) where !transfer.isPaused {
            if let limit = transfer.bodyTimeout, let start = transfer.headCompleted, now - start >= limit {
                abort(transfer, CurlError(.timeout, "the body has not ended in time"))
                continue
            }
            guard let limit = transfer.idleTimeout, now - transfer.lastActivity >= limit else { continue }
            if transfer.noteUpload(at: now) { continue }
            abort(transfer, CurlError(.timeout, "no byte has moved for too long"))
        }
        nextIdleCheck = idleWatched.isEmpty ? nil : now + Self.idleCheckInterval
    }

    private func end() {
        _ = obeyCommands()
        for transfer in Array(running.values) {
            abort(transfer, CurlError(.closed, "the HTTP client is closed"))
        }
        let closers = loop.inbox.withLock { inbox in
            inbox.hasEnded = true
            let closers = inbox.closers
            inbox.closers = []
            return closers
        }
        for closer in closers { closer.resume() }
    }

    // MARK: - Called by libcurl

    fileprivate func watch(_ descriptor: Int32, _ what: Int32) {
        longshore_curl_watch(poller, descriptor, what)
    }
}

private let socketChanged: curl_socket_callback = { _, descriptor, what, context, _ in
    guard let context else { return 0 }
    Unmanaged<CurlEngine>.fromOpaque(context).takeUnretainedValue().watch(descriptor, what)
    return 0
}

private let timerChanged: curl_multi_timer_callback = { _, milliseconds, context in
    guard let context else { return 0 }
    let engine = Unmanaged<CurlEngine>.fromOpaque(context).takeUnretainedValue()
    engine.timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
    return 0
}
