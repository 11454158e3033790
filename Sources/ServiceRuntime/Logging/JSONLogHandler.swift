package import Logging
import SystemPackage
import WireFormats

/// Writes each log line as one JSON object: `time`, `level`, `service`, `message`, then the metadata, sorted by name.
///
/// A line is written with one system call, so that lines of several threads never mix. Values are bounded to
/// ``maximumValueLength`` characters: text that somebody else controls must not fill a disk.
package struct JSONLogHandler: LogHandler {
    /// Most characters of one metadata value; what is longer is cut and marked with `…`.
    package static let maximumValueLength = 4_096

    /// Metadata of every line.
    package var metadata: Logger.Metadata = [:]
    /// Adds metadata from the context of the call.
    package var metadataProvider: Logger.MetadataProvider?
    /// The least severe level that is written.
    package var logLevel: Logger.Level

    private let service: String
    private let clock: any WallClock
    private let write: @Sendable ([UInt8]) -> Void

    /// Creates a handler that writes to standard error.
    ///
    /// - Parameters:
    ///   - service: The value of `service` on every line.
    ///   - level: The least severe level that is written.
    package init(service: String, level: Logger.Level) {
        self.init(service: service, level: level, clock: SystemWallClock()) { line in
            // A log line that cannot be written has nowhere to be reported.
            _ = try? FileDescriptor.standardError.writeAll(line)
        }
    }

    /// Creates a handler that hands each finished line, with its line feed, to `write`.
    package init(
        service: String,
        level: Logger.Level,
        clock: any WallClock,
        write: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.service = service
        self.logLevel = level
        self.clock = clock
        self.write = write
    }

    /// One value of the metadata of every line.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes the line.
    package func log(event: LogEvent) {
        var line: JSONObject = [:]
        line["time"] = .string(clock.now().rfc3339)
        line["level"] = .string(event.level.rawValue)
        line["service"] = .string(service)
        line["message"] = .string(event.message.description)
        var all = metadata
        if let provided = metadataProvider?.get() {
            all.merge(provided) { _, new in new }
        }
        if let own = event.metadata {
            all.merge(own) { _, new in new }
        }
        if let error = event.error {
            all[LogKey.error] = "\(error)"
        }
        for key in all.keys.sorted() {
            line[key] = all[key].map(Self.value)
        }
        write(JSONValue.object(line).serialized() + [UInt8(ascii: "\n")])
    }

    private static func value(_ metadata: Logger.MetadataValue) -> JSONValue {
        switch metadata {
        case .string(let text): .string(bounded(text))
        case .stringConvertible(let number as Int): .integer(Int64(number))
        case .stringConvertible(let number as Int32): .integer(Int64(number))
        case .stringConvertible(let number as Int64): .integer(number)
        case .stringConvertible(let bool as Bool): .bool(bool)
        case .stringConvertible(let other): .string(bounded(other.description))
        case .array(let items): .array(items.map(value))
        case .dictionary(let members):
            .object(
                members.sorted { $0.key < $1.key }.reduce(into: JSONObject()) { $0[$1.key] = value($1.value) }
            )
        }
    }

    private static func bounded(_ text: String) -> String {
        text.utf8.count <= maximumValueLength ? text : text.prefix(maximumValueLength) + "…"
    }
}
