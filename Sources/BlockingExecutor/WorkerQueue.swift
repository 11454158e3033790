#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A first-in first-out queue of work and the threads that carry it out.
///
/// Threads start when the first work arrives and end when the queue is empty after `shutdown()`. Work that arrives
/// later still runs: a thread starts again for it, because a Swift job that is dropped would leave its task hanging for
/// ever.
///
/// Thread safety: `state` is touched only between `lock()` and `unlock()`; work runs outside the lock.
final class WorkerQueue: @unchecked Sendable {
    typealias Work = @Sendable () -> Void

    private struct State {
        var items: [Work?] = []
        /// Index of the next item; the taken prefix is dropped in bulk so that taking is cheap.
        var head = 0
        var liveThreads = 0
        var idleThreads = 0
        var isShutDown = false
        var waitingForExit: [CheckedContinuation<Void, Never>] = []

        var count: Int { self.items.count - self.head }

        mutating func take() -> Work? {
            guard self.head < self.items.count else { return nil }
            let work = self.items[self.head]
            self.items[self.head] = nil
            self.head += 1
            if self.head == self.items.count {
                self.items.removeAll(keepingCapacity: self.items.capacity <= 1024)
                self.head = 0
            } else if self.head >= 1024 {
                self.items.removeFirst(self.head)
                self.head = 0
            }
            return work
        }
    }

    let label: String
    private let maximumThreads: Int
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state = State()

    init(label: String, maximumThreads: Int) {
        precondition(maximumThreads > 0, "A queue needs at least one thread")
        self.label = label
        self.maximumThreads = maximumThreads
        self.mutex = .allocate(capacity: 1)
        self.condition = .allocate(capacity: 1)
        self.mutex.initialize(to: pthread_mutex_t())
        self.condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(self.mutex, nil)
        pthread_cond_init(self.condition, nil)
    }

    deinit {
        // Every thread holds the queue strongly, so none is left here.
        pthread_cond_destroy(self.condition)
        pthread_mutex_destroy(self.mutex)
        self.condition.deallocate()
        self.mutex.deallocate()
    }

    /// Work that waits for a thread.
    var depth: Int {
        self.lock()
        defer { self.unlock() }
        return self.state.count
    }

    /// Adds work at the end of the queue.
    ///
    /// - Parameters:
    ///   - limit: The most items that may wait; `nil` for no limit.
    ///   - work: What to run.
    /// - Returns: `false` when `limit` items wait already; the work was not taken then.
    @discardableResult
    func add(limit: Int? = nil, _ work: @escaping Work) -> Bool {
        self.lock()
        if let limit, self.state.count >= limit {
            self.unlock()
            return false
        }
        self.state.items.append(work)
        let startsThread =
            self.state.count > self.state.idleThreads && self.state.liveThreads < self.maximumThreads
        if startsThread {
            self.state.liveThreads += 1
        }
        pthread_cond_signal(self.condition)
        self.unlock()
        if startsThread {
            self.startThread()
        }
        return true
    }

    /// Lets the threads end once the queue is empty; returns at once.
    func shutdown() {
        self.lock()
        self.state.isShutDown = true
        pthread_cond_broadcast(self.condition)
        self.unlock()
    }

    /// Returns when no thread runs any more; call after `shutdown()`.
    func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            self.lock()
            let isDone = self.state.liveThreads == 0
            if !isDone {
                self.state.waitingForExit.append(continuation)
            }
            self.unlock()
            if isDone {
                continuation.resume()
            }
        }
    }

    private func lock() {
        pthread_mutex_lock(self.mutex)
    }

    private func unlock() {
        pthread_mutex_unlock(self.mutex)
    }

    private func startThread() {
        let context = Unmanaged.passRetained(self)
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let result = pthread_create(&thread, nil, workerMain, context.toOpaque())
        // Without its thread no work could ever run: there is nothing sensible to go on with.
        precondition(result == 0, "pthread_create failed with \(result)")
        #if canImport(Darwin)
        if let thread { pthread_detach(thread) }
        #else
        pthread_detach(thread)
        #endif
    }

    fileprivate func runThread() {
        Self.prepareThread(named: self.label)
        while let work = self.next() {
            work()
        }
    }

    /// Waits for work; `nil` when the thread shall end.
    private func next() -> Work? {
        self.lock()
        while true {
            if let work = self.state.take() {
                self.unlock()
                return work
            }
            if self.state.isShutDown {
                self.state.liveThreads -= 1
                var finished: [CheckedContinuation<Void, Never>] = []
                if self.state.liveThreads == 0 {
                    swap(&finished, &self.state.waitingForExit)
                }
                self.unlock()
                for continuation in finished {
                    continuation.resume()
                }
                return nil
            }
            self.state.idleThreads += 1
            pthread_cond_wait(self.condition, self.mutex)
            self.state.idleThreads -= 1
        }
    }

    /// Names the thread and leaves asynchronous signals to the other threads of the process.
    private static func prepareThread(named label: String) {
        var signals = sigset_t()
        sigfillset(&signals)
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF] {
            sigdelset(&signals, signal)
        }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        #if canImport(Darwin)
        pthread_setname_np(label)
        #else
        // pthread_setname_np is a GNU extension that Swift's Glibc module does not show. The kernel takes 15 bytes.
        if let file = fopen("/proc/thread-self/comm", "w") {
            fputs(String(decoding: label.utf8.prefix(15), as: UTF8.self), file)
            fclose(file)
        }
        #endif
    }
}

#if canImport(Darwin)
private func workerMain(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<WorkerQueue>.fromOpaque(context).takeRetainedValue().runThread()
    return nil
}
#else
private func workerMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<WorkerQueue>.fromOpaque(context).takeRetainedValue().runThread()
    return nil
}
#endif
