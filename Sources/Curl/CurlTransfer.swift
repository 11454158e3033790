import CCurl
import Glibc
import Redaction
import Synchronization

/// One easy handle with all that it points to.
///
/// Thread safety: the calling task makes it and hands it to the loop; from then on only the loop's thread touches
/// it, except ``isCancelled``. Once ``release()`` has run, the handle is gone and nothing refers to it.
final class CurlTransfer: Sendable {
    /// Set by any thread before it asks the loop to cancel, so that a cancellation that overtakes the start counts too.
    let isCancelled = Atomic(false)
    let sink: any CurlSink
    let policy: AddressPolicy?
    let idleTimeout: Duration?
    let maximumBytes: Int?
    let truncates: Bool
    let toleratesBrokenBody: Bool
    let bodyTimeout: Duration?
    private let material: CurlKeyMaterial
    private let secrets: [SecretBytes]

    private nonisolated(unsafe) var handle: UnsafeMutableRawPointer?
    nonisolated(unsafe) var headerList: UnsafeMutablePointer<curl_slist>?
    nonisolated(unsafe) var resolveList: UnsafeMutablePointer<curl_slist>?
    nonisolated(unsafe) var body: UnsafeMutableRawBufferPointer?
    private nonisolated(unsafe) let errorText: UnsafeMutablePointer<CChar>

    nonisolated(unsafe) var headParser = CurlHeadParser()
    nonisolated(unsafe) var receivedBytes = 0
    nonisolated(unsafe) var isTruncated = false
    nonisolated(unsafe) var isPaused = false
    /// Whether the request was about to go out on some connection; libcurl's own times start anew when it tries again.
    nonisolated(unsafe) var mayHaveBeenSent = false
    /// When the peer was last heard of, for the idle time-out.
    nonisolated(unsafe) var lastActivity: ContinuousClock.Instant
    /// When the headers were complete.
    nonisolated(unsafe) var headCompleted: ContinuousClock.Instant?
    /// How much had been sent when the idle time-out was last looked at.
    private nonisolated(unsafe) var uploadedBytes = 0
    /// Why this side gave up, where it did; libcurl only knows that a callback said no.
    nonisolated(unsafe) var abortion: CurlError?

    /// Prepares a transfer; nothing is sent before the loop has it.
    ///
    /// - Parameters:
    ///   - request: What to send; its method and headers are checked here.
    ///   - plan: The URL, the addresses to use and the time that is left.
    ///   - configuration: The client's.
    ///   - material: The client's certificates.
    ///   - sink: Who gets the response.
    /// - Throws: ``CurlError/Code/invalidRequest``.
    init(
        request: CurlRequest,
        plan: CurlTransferPlan,
        configuration: CurlClient.Configuration,
        material: CurlKeyMaterial,
        sink: any CurlSink
    ) throws(CurlError) {
        self.sink = sink
        self.policy = request.addressPolicy
        self.idleTimeout = request.idleTimeout
        self.maximumBytes = plan.maximumBytes
        self.truncates = request.truncatesResponse
        self.toleratesBrokenBody = request.toleratesBrokenBody
        self.bodyTimeout = request.toleratesBrokenBody ? request.bodyTimeout : nil
        self.material = material
        self.secrets = request.secretHeaders.map(\.value)
        self.lastActivity = .now
        self.errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        self.errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        self.handle = curl_easy_init()
        guard let handle else { throw CurlError(.aborted, "out of memory") }
        let options = CurlOptions(handle: handle)
        try options.setFixed(plan: plan, configuration: configuration)
        try options.setSecurity(configuration: configuration, material: material)
        try options.setTimes(request: request, plan: plan)
        try setMessage(request: request, options: options)
        if !plan.pins.isEmpty {
            let addresses = plan.pins.map { $0.isV6 ? "[\($0)]" : "\($0)" }.joined(separator: ",")
            // "+": the entry ages as one from the resolver would, instead of staying for good.
            resolveList = curl_slist_append(nil, "+\(plan.url.host):\(plan.url.port):\(addresses)")
            try options.set(CURLOPT_RESOLVE, list: resolveList)
        }
        try options.set(CURLOPT_ERRORBUFFER, pointer: errorText)
        try options.setCallbacks(context: Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        release()
        errorText.deallocate()
    }

    /// The easy handle while there is one.
    var easy: UnsafeMutableRawPointer? { handle }

    /// Frees the handle and zeroes what it pointed to. The handle must have been removed from its multi handle.
    func release() {
        if let handle { curl_easy_cleanup(handle) }
        handle = nil
        for list in [headerList, resolveList] { Self.wipe(list) }
        headerList = nil
        resolveList = nil
        if let body {
            if let base = body.baseAddress { explicit_bzero(base, body.count) }
            body.deallocate()
        }
        body = nil
    }

    private static func wipe(_ list: UnsafeMutablePointer<curl_slist>?) {
        var entry = list
        while let current = entry?.pointee {
            if let data = current.data { explicit_bzero(data, strlen(data)) }
            entry = current.next
        }
        curl_slist_free_all(list)
    }
}

extension CurlTransfer {
    /// Whether some of the body has been sent since the last call; then the time-out starts anew.
    func noteUpload(at now: ContinuousClock.Instant) -> Bool {
        let uploaded = offset(CURLINFO_SIZE_UPLOAD_T)
        guard uploaded > uploadedBytes else { return false }
        uploadedBytes = uploaded
        lastActivity = now
        return true
    }
}

// MARK: - The end

extension CurlTransfer {
    /// Judges libcurl's result and tells the sink; the handle is freed. Called once, after the handle was removed from
    /// the multi handle.
    func finish(_ result: CURLcode) {
        let outcome = outcome(of: result)
        release()
        sink.finish(outcome)
    }

    private func outcome(of result: CURLcode) -> Result<CurlTransferEnd, CurlError> {
        if isOnlyBodyBroken(result) {
            return .success(CurlTransferEnd(isTruncated: true, summary: summary))
        }
        if var abortion {
            abortion.requestMayHaveBeenSent = mayHaveBeenSent
            return .failure(abortion)
        }
        // libcurl takes a head that the connection's end cuts off for a whole one.
        if result == CURLE_OK, !headParser.isComplete {
            let text = "the peer's response ends in its head"
            return .failure(CurlError(.protocol, text, requestMayHaveBeenSent: mayHaveBeenSent))
        }
        if result == CURLE_OK || isTruncated {
            return .success(CurlTransferEnd(isTruncated: isTruncated, summary: summary))
        }
        var scrubber = Scrubber()
        for secret in secrets { scrubber.add(secret) }
        let detail = scrubber.scrub(String(cString: errorText), limit: 256)
        return .failure(CurlError(result: result, detail: detail, sent: mayHaveBeenSent))
    }

    /// Whether the status is known and the rest of the response does not matter to the caller. A transfer that this side has
    /// ended for a reason of its own is none of these.
    private func isOnlyBodyBroken(_ result: CURLcode) -> Bool {
        guard toleratesBrokenBody, headParser.isComplete, result != CURLE_OK else { return false }
        guard let abortion else { return true }
        switch abortion.code {
        case .tooLarge, .protocol, .timeout: return true
        case .couldNotConnect, .resolve, .tls, .addressRefused, .invalidRequest, .sendReceive, .aborted, .cancelled,
            .closed:
            return false
        }
    }

    private var summary: CurlTransferSummary {
        let httpVersion =
            switch long(CURLINFO_HTTP_VERSION) {
            case Int(CURL_HTTP_VERSION_1_0): 10
            case Int(CURL_HTTP_VERSION_1_1): 11
            case Int(CURL_HTTP_VERSION_2_0): 20
            default: 0
            }
        return CurlTransferSummary(
            httpVersion: httpVersion,
            reusedConnection: long(CURLINFO_NUM_CONNECTS) == 0,
            duration: .microseconds(offset(CURLINFO_TOTAL_TIME_T))
        )
    }

    private func long(_ info: CURLINFO) -> Int {
        var value = 0
        guard let handle, longshore_curl_getinfo_long(handle, info, &value) == CURLE_OK else { return 0 }
        return value
    }

    private func offset(_ info: CURLINFO) -> Int {
        var value: curl_off_t = 0
        guard let handle, longshore_curl_getinfo_offset(handle, info, &value) == CURLE_OK else { return 0 }
        return Int(value)
    }
}
