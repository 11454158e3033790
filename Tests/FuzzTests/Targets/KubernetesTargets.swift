import Redaction
import TestSupport
import WireFormats

@testable import KubernetesAPI

extension FuzzTarget {
    /// The watch decoder: lines cut anywhere, their events, and the objects in them.
    static let watch = FuzzTarget(
        name: "watch",
        form: .jsonLines,
        words: [
            "\n", "\r\n", "type", "object", "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "metadata",
            "resourceVersion", "kind",
            "spec", "status", "conditions", "containerStatuses", "state", "waiting", "terminated", "reason", "message",
            "code",
            "details", "retryAfterSeconds", "ownerReferences", "finalizers", "labels", "data", "allocatable",
            "ephemeral-storage",
            "10Gi", "1e3", "-1", "0.5Ki", "9223372036854775807Ei", "2026-11-21T01:02:03Z", "imageID", "exitCode",
        ],
        maximumBytes: 24 << 10
    ) { input in
        let whole = try lines(input, pieces: [input.count])
        var generator = SeededGenerator(seed: UInt64(input.count))
        let pieces = (0..<max(1, input.count / 7)).map { _ in Int.random(in: 0...30, using: &generator) }
        try require(try lines(input, pieces: pieces) == whole, "the lines depend on how the bytes come")
        let limit = 64
        for line in try lines(input, pieces: pieces, maximumLineBytes: limit) {
            try require(line.count <= limit, "a line of \(line.count) bytes, \(limit) are allowed")
        }
        var kinds: Set<String> = []
        for line in whole { kinds.insert(try readEvent(line)) }
        return kinds.sorted().joined(separator: " ")
    }

    /// The lines up to the first that is too long, with the rest at the end.
    private static func lines(_ input: [UInt8], pieces: [Int], maximumLineBytes: Int = 1 << 20) throws -> [[UInt8]] {
        var framer = WatchLineFramer(maximumLineBytes: maximumLineBytes)
        var found: [[UInt8]] = []
        var rest = input[...]
        for piece in pieces + [input.count] {
            framer.append(Array(rest.prefix(piece)))
            rest = rest.dropFirst(piece)
            do {
                while let line = try framer.next() { found.append(line) }
            } catch {
                return found
            }
            try require(framer.pendingBytes <= input.count, "more is kept than came")
        }
        if let last = framer.finish() { found.append(last) }
        return found
    }

    private static func readEvent(_ line: [UInt8]) throws -> String {
        let object: JSONValue
        do {
            switch try WatchLine(line) {
            case .added(let json), .modified(let json), .deleted(let json): object = json
            case .bookmark(let version):
                try require(!version.isEmpty, "a bookmark without a version")
                return "bookmark"
            }
        } catch let error as KubernetesError {
            if let pause = error.retryAfter { try require(pause <= .seconds(86_400), "a pause of \(pause)") }
            return "\(error.reason)"
        }
        let found = [
            try read(Pod.self, object), try read(Node.self, object), try read(Job.self, object),
            try read(Lease.self, object), try read(Secret.self, object), try read(CoreEvent.self, object),
            try read(ServiceAccount.self, object), try read(Namespace.self, object),
        ]
        return "\(object["kind"]?.string?.prefix(10) ?? "none") \(found)"
    }

    /// Reads an object as a type; what it writes of it is read and written the same again.
    private static func read<R: KubernetesResource>(_ type: R.Type, _ json: JSONValue) throws -> Bool {
        let resource: R
        do throws(JSONMappingError) {
            resource = try R(json: json)
        } catch {
            try requireNoCanary(error.description, "the error of \(R.kind)")
            return false
        }
        let once = resource.json
        guard let again = try? R(json: once) else { throw Violation("\(R.kind) cannot be read again") }
        try require(again.json == once, "\(R.kind) changed")
        return true
    }

    /// YAML files, and (but for what ``JSONValue/isYAML`` says) that every JSON text is one.
    static let yaml = FuzzTarget(
        name: "yaml",
        form: .text,
        words: [
            "---\n", "...\n", "- ", ": ", "? ", "&a ", "*a", "<<: *a", "|\n  ", ">-\n  ", "!!binary ", "!!str ",
            "!!python/object ", "\"",
            "'", "{", "}", "[", "]", "# ", "  ", "\t", "~", "0644", "0x1F", "1_000", ".inf", "1e3", "-0", "yes",
            "%YAML 1.1\n", "@", "`",
        ],
        maximumBytes: 4 << 10
    ) { input in
        let text = String(decoding: input, as: UTF8.self)
        let values: [JSONValue]
        do throws(KubernetesError) {
            values = try YAMLDocument.parseAll(text)
        } catch {
            try requireNoCanary(error.message, "the error")
            try require(error.reason == .configuration, "the error is \(error.reason)")
            let lines = input.count { $0 == 0x0A || $0 == 0x0D } + 2
            if let line = error.message.split(separator: "(line ").last?.split(separator: ")").first.flatMap({ Int($0) }
            ) {
                // Yams counts from 1, and U+0085, U+2028 and U+2029 too end lines.
                try require(line <= lines + text.unicodeScalars.count { $0.value > 0x7F }, "line \(line) of \(lines)")
            }
            return error.message.filter { !$0.isNumber }
        }
        for value in values {
            try require(value.depth <= 64, "deeper than the limit")
            try requireRoundTrip(value)
            guard value.isYAML else { continue }
            try require(
                (try? YAMLDocument.parse(value.text())) == value,
                "its JSON is read as something else: \(value.text())"
            )
        }
        return "\(min(values.count, 3)) \(values.first?.kindName ?? "")"
    }
}

extension JSONValue {
    /// Whether this value's JSON is YAML too: its keys are short enough for libyaml (1,024 bytes), and no text has characters
    /// that YAML does not let stand for themselves (YAML 1.1 §5.1).
    fileprivate var isYAML: Bool {
        descendants.allSatisfy { value in
            let keys = value.object?.keys ?? []
            return keys.allSatisfy { $0.utf8.count < 100 }
                && (keys + [value.string ?? ""]).allSatisfy { $0.unicodeScalars.allSatisfy(Self.isPrintable) }
        }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x7F...0x9F, 0x2028...0x2029, 0xFEFF, 0xFFFE...0xFFFF: false
        default: true
        }
    }
}
