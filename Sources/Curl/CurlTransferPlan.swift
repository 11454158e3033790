/// What is settled about a transfer before its handle is made.
struct CurlTransferPlan: Sendable {
    /// Where to.
    var url: CurlURL
    /// The addresses that the host has for this transfer; empty to let libcurl resolve it.
    var pins: [IPAddress]
    /// Whether the response is streamed to its reader.
    var isStream: Bool
    /// The most bytes of the body.
    var maximumBytes: Int?
    /// What has passed of the total time-out already.
    var elapsed: Duration
}
