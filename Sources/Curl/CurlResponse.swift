/// A response whose body has been read to its end.
package struct CurlResponse: Sendable {
    /// The status code, 200–599 (and 101).
    package var status: Int
    /// Headers in the order received; names as the peer spelled them.
    package var headers: [(name: String, value: String)]
    /// The body as it was sent: neither decompressed nor decoded.
    package var body: [UInt8]
    /// Whether the body was cut at ``CurlRequest/maximumResponseBytes``, or broke off and the request tolerates that.
    package var isTruncated: Bool
    /// How the transfer went.
    package var transfer: CurlTransferSummary

    /// Makes a response, as stubs in tests need it.
    package init(
        status: Int,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        isTruncated: Bool = false,
        transfer: CurlTransferSummary = CurlTransferSummary()
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isTruncated = isTruncated
        self.transfer = transfer
    }

    /// The first value of a header; names are compared without case.
    package func header(_ name: String) -> String? { headerValues(named: name, in: headers).first }

    /// All values of a header; names are compared without case.
    package func headers(_ name: String) -> [String] { headerValues(named: name, in: headers) }
}

/// A response whose body is still to be read.
package struct CurlStreamResponse: Sendable {
    /// The status code, 200–599 (and 101).
    package let status: Int
    /// Headers in the order received; names as the peer spelled them.
    package let headers: [(name: String, value: String)]
    /// The body. Letting go of it, or cancelling the task that reads it, ends the transfer.
    package let body: CurlBody

    /// The first value of a header; names are compared without case.
    package func header(_ name: String) -> String? { headerValues(named: name, in: headers).first }

    /// All values of a header; names are compared without case.
    package func headers(_ name: String) -> [String] { headerValues(named: name, in: headers) }
}

/// Facts of a finished transfer.
package struct CurlTransferSummary: Sendable, Hashable {
    /// 10, 11 or 20 for HTTP/1.0, 1.1 and 2; 0 when unknown.
    package var httpVersion: Int
    /// Whether an open connection was used again.
    package var reusedConnection: Bool
    /// From the hand-over to the last byte.
    package var duration: Duration

    /// Makes a summary; with no argument nothing is known.
    package init(httpVersion: Int = 0, reusedConnection: Bool = false, duration: Duration = .zero) {
        self.httpVersion = httpVersion
        self.reusedConnection = reusedConnection
        self.duration = duration
    }
}

private func headerValues(named name: String, in headers: [(name: String, value: String)]) -> [String] {
    headers.filter { equalsIgnoringCase($0.name, name) }.map(\.value)
}

/// Whether two header names are the same: ASCII letters in either case.
func equalsIgnoringCase(_ left: String, _ right: String) -> Bool {
    func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
    return left.utf8.elementsEqual(right.utf8) { lowered($0) == lowered($1) }
}
