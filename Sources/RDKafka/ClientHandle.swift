import CRdKafka
import Logging
import Synchronization

/// One `rd_kafka_t`: its creation from a configuration, its log lines, its destruction.
///
/// Thread safety: librdkafka's handle may be used from any thread, but nothing may use it during or after `destroy()`.
/// The owner guarantees that by calling `destroy()` from the one thread that runs all its calls.
final class ClientHandle: @unchecked Sendable {
    let pointer: OpaquePointer
    private let log: LibraryLog
    /// Why brokers refuse the client's connections; nil when they do not.
    private let refusal = Mutex<KafkaError?>(nil)

    /// Makes a client.
    ///
    /// - Parameters:
    ///   - type: Producer or consumer.
    ///   - configuration: The caller's properties.
    ///   - defaults: Properties that the caller's override.
    ///   - reserved: Properties that the caller may not override.
    ///   - logger: Where librdkafka's log lines go.
    ///   - opaque: What callbacks get.
    ///   - prepare: Sets callbacks.
    /// - Throws: `KafkaError` with code `configuration`.
    init(
        type: rd_kafka_type_t,
        configuration: KafkaConfiguration,
        defaults: [String: String],
        reserved: [String: String],
        logger: Logger,
        opaque: UnsafeMutableRawPointer? = nil,
        prepare: (OpaquePointer) -> Void = { _ in }
    ) throws(KafkaError) {
        let filter = SecretFilter(configuration)
        guard let properties = rd_kafka_conf_new() else {
            preconditionFailure("librdkafka allocates or aborts")
        }
        // rd_kafka_new frees the properties, but only on success.
        var ownsProperties = true
        defer {
            if ownsProperties {
                rd_kafka_conf_destroy(properties)
            }
        }
        try Self.apply(configuration, defaults: defaults, reserved: reserved, to: properties, filter: filter)
        prepare(properties)
        rd_kafka_conf_set_opaque(properties, opaque)
        var text = [CChar](repeating: 0, count: 512)
        guard let pointer = rd_kafka_new(type, properties, &text, text.count) else {
            throw KafkaError(code: .configuration, message: filter.clean(String(decodingCString: text)))
        }
        ownsProperties = false
        self.pointer = pointer
        self.log = LibraryLog(logger: logger, filter: filter)
        // Log lines are read where the client is polled, so that librdkafka's threads never wait for the log.
        rd_kafka_set_log_queue(pointer, nil)
    }

    /// Writes the log line that an event carries.
    func writeLog(of event: OpaquePointer) {
        var facility: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        var level: Int32 = 7
        guard rd_kafka_event_log(event, &facility, &text, &level) == 0 else { return }
        self.log.write(level: level, facility: facility, text: text)
    }

    /// Writes one of librdkafka's log lines.
    func writeLog(level: Int32, facility: UnsafePointer<CChar>?, text: UnsafePointer<CChar>?) {
        self.log.write(level: level, facility: facility, text: text)
    }

    /// Takes the log lines and errors that have come since the last call, of a client whose main queue nobody else reads.
    func drain() {
        guard let queue = rd_kafka_queue_get_main(self.pointer) else { return }
        defer { rd_kafka_queue_destroy(queue) }
        while let event = rd_kafka_queue_poll(queue, 0) {
            switch rd_kafka_event_type(event) {
            case RD_KAFKA_EVENT_ERROR: self.note(self.error(of: event))
            default: self.writeLog(of: event)
            }
            rd_kafka_event_destroy(event)
        }
    }

    /// The error that an event carries, without secrets.
    func error(of event: OpaquePointer) -> KafkaError {
        let text = rd_kafka_event_error_string(event).map { self.log.filter.clean(String(cString: $0)) }
        return KafkaError(rd_kafka_event_error(event), text)
    }

    // MARK: - Refused connections

    /// Notes an error that came without being asked for.
    ///
    /// librdkafka tells only there that a broker refuses the credentials, or that TLS fails; calls fail as if nobody answered.
    func note(_ error: KafkaError) {
        // A listener without TLS just closes the connection, which is an error of transport by its code.
        guard error.code == .authentication || error.message.contains("SSL handshake") else { return }
        var refusal = error
        refusal.code = .authentication
        self.refusal.withLock { $0 = refusal }
    }

    /// A broker has answered.
    func noteAnswer() { self.refusal.withLock { $0 = nil } }

    /// The reason behind an error that says no more than that nobody answers.
    func explain(_ error: KafkaError) -> KafkaError {
        guard error.code == .transport || error.code == .timedOut else { return error }
        return self.refusal.withLock { $0 } ?? error
    }

    /// The error that made the client useless, if there is one.
    var fatalError: KafkaError? {
        var text = [CChar](repeating: 0, count: 512)
        let error = rd_kafka_fatal_error(self.pointer, &text, text.count)
        guard error != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        var result = KafkaError(error, self.log.filter.clean(String(decodingCString: text)))
        result.code = .fatal
        result.isFatal = true
        result.isRetryable = true
        return result
    }

    /// Frees the client; blocks until its threads have ended, so never call it on Swift's own threads.
    func destroy() {
        rd_kafka_destroy_flags(self.pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
    }

    private static func apply(
        _ configuration: KafkaConfiguration,
        defaults: [String: String],
        reserved: [String: String],
        to properties: OpaquePointer,
        filter: SecretFilter
    ) throws(KafkaError) {
        var names = Set(configuration.properties.keys)
        names.formUnion(configuration.secretProperties.keys)
        if let refused = names.intersection(KafkaConfiguration.reservedProperties).min() {
            throw KafkaError(code: .configuration, message: "The property \(refused) may not be set")
        }
        var all = defaults.merging(configuration.properties) { _, theirs in theirs }
        for (name, secret) in configuration.secretProperties {
            all[name] = secret.value
        }
        all.merge(reserved) { _, ours in ours }
        all["bootstrap.servers"] = configuration.bootstrapServers
        all["client.id"] = configuration.clientID
        all["log.queue"] = "true"
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            var text = [CChar](repeating: 0, count: 512)
            guard rd_kafka_conf_set(properties, name, value, &text, text.count) != RD_KAFKA_CONF_OK else { continue }
            // librdkafka quotes the value that it does not like.
            let isSecret =
                configuration.secretProperties[name] != nil || KafkaConfiguration.isSecret(property: name)
            let reason = isSecret ? "The value of \(name) is not valid" : filter.clean(String(decodingCString: text))
            throw KafkaError(code: .configuration, message: reason)
        }
    }
}

extension String {
    /// Reads a C string out of a buffer that holds its terminating null.
    init(decodingCString buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
