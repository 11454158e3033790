import BlockingExecutor
import Synchronization

/// Resolves host names for requests with an address policy and judges all addresses at once.
///
/// libcurl shows one address after the other, and only those it tries: a name with an outer and an inner address would
/// pass as long as the outer one answers. So the name is resolved here, refused as a whole or pinned for the transfer;
/// libcurl's callbacks judge once more what is really connected to.
///
/// Thread safety: a mutex guards the cache.
final class CurlResolver: Sendable {
    private struct Entry {
        var addresses: [IPAddress]
        var until: ContinuousClock.Instant
    }

    private let overrides: [CurlClient.ResolveOverride]
    private let lookup: NameLookup
    private let pool = BlockingThreadPool(label: "curl-resolve", threads: 8, queueLimit: 1024)
    private let cache = Mutex<[String: Entry]>([:])

    private static let cacheTime = Duration.seconds(10)
    private static let cacheLimit = 1024

    init(configuration: CurlClient.Configuration) {
        self.overrides = configuration.resolveOverrides
        self.lookup = configuration.nameLookup
    }

    deinit {
        pool.shutdown()
    }

    /// The addresses to pin for a transfer; empty where libcurl may resolve by itself.
    ///
    /// - Throws: ``CurlError/Code/addressRefused``, ``CurlError/Code/resolve``, ``CurlError/Code/timeout`` or
    ///   ``CurlError/Code/cancelled``.
    func addresses(of url: CurlURL, for request: CurlRequest) async throws(CurlError) -> [IPAddress] {
        let override = overrides.first { $0.port == url.port && equalsIgnoringCase($0.host, url.host) }
        guard let policy = request.addressPolicy else { return override?.addresses ?? [] }
        if let literal = url.literal {
            if let reason = policy.refusal(among: [literal]) { throw .refused(reason) }
            return []
        }
        let addresses: [IPAddress]
        if let override {
            addresses = override.addresses
        } else {
            let limit = min(request.connectTimeout, request.totalTimeout ?? request.connectTimeout)
            addresses = try await resolve(url.host, within: limit)
        }
        guard !addresses.isEmpty else { throw CurlError(.resolve, "the host name does not resolve") }
        if let reason = policy.refusal(among: addresses) { throw .refused(reason) }
        return addresses
    }

    private func resolve(_ host: String, within limit: Duration) async throws(CurlError) -> [IPAddress] {
        if let entry = cache.withLock({ $0[host] }), entry.until > .now { return entry.addresses }
        let race = LookupRace()
        let pool = pool
        let lookup = lookup
        let outcome = await withTaskCancellationHandler {
            // Neither is awaited: a lookup cannot be interrupted, and its caller must not wait for it beyond the limit.
            Task { race.end(.found(await pool.run { lookup.addresses(host) })) }
            let timer = Task {
                try await Task.sleep(for: limit)
                race.end(.timedOut)
            }
            defer { timer.cancel() }
            return await race.outcome()
        } onCancel: {
            race.end(.cancelled)
        }
        switch outcome {
        case .found(let addresses):
            if !addresses.isEmpty { keep(addresses, for: host) }
            return addresses
        case .timedOut: throw CurlError(.timeout, "the host name was not resolved in time")
        case .cancelled: throw CurlError(.cancelled, "the request was cancelled")
        }
    }

    private func keep(_ addresses: [IPAddress], for host: String) {
        cache.withLock { cache in
            if cache.count >= Self.cacheLimit { cache.removeAll() }
            cache[host] = Entry(addresses: addresses, until: .now + Self.cacheTime)
        }
    }
}

/// The first of several possible ends of a name lookup.
private final class LookupRace: Sendable {
    enum Outcome {
        case found([IPAddress])
        case timedOut
        case cancelled
    }

    private struct State {
        var outcome: Outcome?
        var waiter: CheckedContinuation<Outcome, Never>?
    }

    private let state = Mutex(State())

    /// Ends the race unless it has ended.
    func end(_ outcome: Outcome) {
        let waiter = state.withLock { state in
            guard state.outcome == nil else { return CheckedContinuation<Outcome, Never>?.none }
            state.outcome = outcome
            let waiter = state.waiter
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: outcome)
    }

    /// Waits for the end; called once.
    func outcome() async -> Outcome {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock { state in
                if state.outcome == nil { state.waiter = continuation }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
