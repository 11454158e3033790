/// Puts a response's status and headers together from the lines that libcurl hands over one by one.
///
/// Interim responses (1xx) are dropped, folded lines (RFC 9112 §5.2) are joined, trailers after the body are ignored,
/// and the sum of all lines is bounded: libcurl 7.88 itself takes headers without end (CVE-2023-38039).
struct CurlHeadParser {
    /// The status code and the headers of a final response.
    struct Head: Sendable {
        var status: Int
        var headers: [(name: String, value: String)]
    }

    /// What a line led to.
    enum Outcome {
        /// More lines are to come.
        case incomplete
        /// The head is complete; the body, if any, follows.
        case complete(Head)
        /// The line is not HTTP.
        case malformed
        /// The lines are more than ``maximumBytes``.
        case tooLarge
    }

    /// The most bytes of all header lines of one transfer, interim responses included: 256 KiB.
    static let maximumBytes = 256 << 10

    private var head = Head(status: 0, headers: [])
    private var received = 0
    private(set) var isComplete = false

    /// Takes one line, with its line ending.
    mutating func take(_ line: some Collection<UInt8>) -> Outcome {
        received += line.count
        guard received <= Self.maximumBytes else { return .tooLarge }
        // Trailers come through the same callback as headers.
        if isComplete { return .incomplete }
        let trimmed = line.reversed().drop { $0 == 0x0D || $0 == 0x0A }.reversed()
        if trimmed.isEmpty { return endOfHead() }
        let text = String(decoding: trimmed, as: UTF8.self)
        if text.hasPrefix("HTTP/") { return statusLine(text) }
        guard head.status != 0 else { return .malformed }
        if let first = text.utf8.first, first == 0x20 || first == 0x09 {
            guard !head.headers.isEmpty else { return .malformed }
            head.headers[head.headers.count - 1].value += " " + Self.trimmed(text[...])
            return .incomplete
        }
        guard let colon = text.firstIndex(of: ":") else { return .incomplete }
        let value = Self.trimmed(text[text.index(after: colon)...])
        head.headers.append((name: String(text[..<colon]), value: value))
        return .incomplete
    }

    private mutating func endOfHead() -> Outcome {
        guard head.status != 0 else { return .malformed }
        if (100..<200).contains(head.status), head.status != 101 { return .incomplete }
        guard Self.hasOneLength(head) else { return .malformed }
        isComplete = true
        return .complete(head)
    }

    /// Whether the announced lengths are numbers and agree (RFC 9112 §6.3); libcurl takes the last and drops a number
    /// that is too large.
    private static func hasOneLength(_ head: Head) -> Bool {
        let lengths = head.headers.filter { equalsIgnoringCase($0.name, "content-length") }.map(\.value)
        guard let first = lengths.first else { return true }
        return first.utf8.allSatisfy { (0x30...0x39).contains($0) } && Int(first) != nil
            && lengths.allSatisfy { $0 == first }
    }

    private mutating func statusLine(_ text: String) -> Outcome {
        let parts = text.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, let status = Int(parts[1]), (100...999).contains(status) else { return .malformed }
        head = Head(status: status, headers: [])
        return .incomplete
    }

    private static func trimmed(_ text: Substring) -> String {
        let bytes = text.utf8.drop { $0 == 0x20 || $0 == 0x09 }
        return String(decoding: bytes.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed(), as: UTF8.self)
    }
}
