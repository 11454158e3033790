import CRdKafka
import Logging

/// Writes librdkafka's log lines with swift-log.
///
/// Errors and warnings keep their level; everything else is `debug`, and so are warnings that a property is for the
/// other kind of client: producers and consumers share one configuration.
final class LibraryLog: Sendable {
    let filter: SecretFilter
    private let logger: Logger

    init(logger: Logger, filter: SecretFilter) {
        self.logger = logger
        self.filter = filter
    }

    /// - Parameters:
    ///   - level: syslog's level, 0 (emergency) to 7 (debug).
    ///   - facility: librdkafka's short word for the kind of line.
    ///   - text: The line.
    func write(level: Int32, facility: UnsafePointer<CChar>?, text: UnsafePointer<CChar>?) {
        let facility = facility.map { String(cString: $0) } ?? ""
        let mapped: Logger.Level =
            switch level {
            case ...3: .error
            case 4 where facility != "CONFWARN": .warning
            default: .debug
            }
        guard self.logger.logLevel <= mapped else { return }
        self.logger.log(
            level: mapped,
            "librdkafka",
            metadata: [
                "facility": "\(facility)",
                "text": "\(self.filter.clean(text.map { String(cString: $0) } ?? ""))",
            ]
        )
    }
}
