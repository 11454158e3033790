import WireFormats

/// Cuts the bytes of a watch into lines, whatever the chunks are that they come in.
struct WatchLineFramer {
    /// The longest line: an object has at most 1.5 MiB in etcd, and JSON can be some times as long as what is stored.
    static let defaultMaximumLineBytes = 16 << 20

    private var buffer: [UInt8] = []
    /// Where the line that is not complete yet begins.
    private var lineStart = 0
    /// Up to where ``buffer`` has been searched for a line's end.
    private var searched = 0
    private let maximumLineBytes: Int

    /// Creates a framer.
    init(maximumLineBytes: Int = WatchLineFramer.defaultMaximumLineBytes) {
        self.maximumLineBytes = maximumLineBytes
    }

    /// How many bytes wait for the end of their line.
    var pendingBytes: Int { buffer.count - lineStart }

    /// Takes a chunk; it may hold no line's end, or many.
    mutating func append(_ chunk: [UInt8]) {
        if lineStart > 0 {
            buffer.removeFirst(lineStart)
            searched -= lineStart
            lineStart = 0
        }
        buffer += chunk
    }

    /// The next complete line without its end; `nil` when more bytes are needed. Empty lines are left out.
    mutating func next() throws(KubernetesError) -> [UInt8]? {
        while let end = buffer[searched...].firstIndex(of: 0x0A) {
            var line = buffer[lineStart..<end]
            lineStart = end + 1
            searched = lineStart
            if line.last == 0x0D { line.removeLast() }
            guard line.count <= maximumLineBytes else { throw tooLong }
            if !line.isEmpty { return Array(line) }
        }
        searched = buffer.count
        guard pendingBytes <= maximumLineBytes else { throw tooLong }
        return nil
    }

    /// What is left when the stream has ended: a line whose end was not sent; `nil` where there is nothing.
    mutating func finish() -> [UInt8]? {
        defer {
            buffer = []
            lineStart = 0
            searched = 0
        }
        let rest = buffer[lineStart...]
        return rest.allSatisfy { $0 == 0x0D || $0 == 0x20 } ? nil : Array(rest)
    }

    private var tooLong: KubernetesError {
        KubernetesError(reason: .invalidResponse, message: "a watch event is longer than \(maximumLineBytes) bytes")
    }
}

/// What a line of a watch says, before its object is read as a type.
enum WatchLine: Sendable, Hashable {
    case added(JSONValue)
    case modified(JSONValue)
    case deleted(JSONValue)
    case bookmark(resourceVersion: String)

    /// Reads a line.
    ///
    /// - Parameters:
    ///   - line: The line without its end.
    ///   - omitted: What of the object is not read.
    /// - Throws: ``KubernetesError``: the server's own where the line is one (`expired` where the version to resume from is too
    ///   old), otherwise `invalidResponse`.
    init(_ line: [UInt8], omitting omitted: JSONPaths = JSONPaths()) throws(KubernetesError) {
        let json: JSONValue
        do throws(JSONParsingError) {
            json = try JSONValue(parsing: line, omitting: omitted.within("object"))
        } catch {
            throw KubernetesError(reason: .invalidResponse, message: "a watch event is not JSON: \(error)")
        }
        let object = json["object"] ?? .null
        guard let type = json["type"]?.string, object.object != nil else {
            throw KubernetesError(reason: .invalidResponse, message: "a watch event has no type or no object")
        }
        switch type {
        case "ADDED": self = .added(object)
        case "MODIFIED": self = .modified(object)
        case "DELETED": self = .deleted(object)
        case "BOOKMARK":
            guard let version = object["metadata"]?["resourceVersion"]?.string, !version.isEmpty else {
                throw KubernetesError(reason: .invalidResponse, message: "a bookmark has no version")
            }
            self = .bookmark(resourceVersion: version)
        case "ERROR": throw KubernetesError(status: object, httpStatus: 500)
        default: throw KubernetesError(reason: .invalidResponse, message: "a watch event has an unknown type")
        }
    }
}
