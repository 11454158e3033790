import CRdKafka

/// What went wrong in a call to Kafka.
///
/// The message never holds a secret property's value, a key or a record's content.
package struct KafkaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of error it is; bounded, so it may label metrics.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case transport
            case timedOut
            case queueFull
            case messageTooLarge
            case unknownTopic
            case authentication
            case authorization
            case fatal
            case notAssigned
            case offsetOutOfRange
            case invalidRecord
            case configuration
            case unsupported
            case closed
            case cancelled
            case other
        }

        private let value: Value

        /// No broker could be reached, or the connection broke.
        package static let transport = Self(value: .transport)
        /// The call, or the delivery of a record, took longer than allowed.
        package static let timedOut = Self(value: .timedOut)
        /// The producer's queue is full.
        package static let queueFull = Self(value: .queueFull)
        /// The record is larger than the producer or the topic allows.
        package static let messageTooLarge = Self(value: .messageTooLarge)
        /// The topic or the partition does not exist.
        package static let unknownTopic = Self(value: .unknownTopic)
        /// The broker refused the credentials, or TLS failed.
        package static let authentication = Self(value: .authentication)
        /// The credentials do not allow the operation.
        package static let authorization = Self(value: .authorization)
        /// The client instance cannot go on; a producer replaces it by itself.
        package static let fatal = Self(value: .fatal)
        /// The partition does not belong to this consumer (any more).
        package static let notAssigned = Self(value: .notAssigned)
        /// The offset is not in the partition (any more).
        package static let offsetOutOfRange = Self(value: .offsetOutOfRange)
        /// The broker refused the record itself.
        package static let invalidRecord = Self(value: .invalidRecord)
        /// A property is unknown, has a bad value, or may not be set.
        package static let configuration = Self(value: .configuration)
        /// The broker does not know the request.
        package static let unsupported = Self(value: .unsupported)
        /// The client was closed.
        package static let closed = Self(value: .closed)
        /// The task that waited for the answer was cancelled.
        package static let cancelled = Self(value: .cancelled)
        /// Anything else; `libraryCode` tells.
        package static let other = Self(value: .other)

        package var description: String { self.value.rawValue }
    }

    /// What kind of error it is.
    package var code: Code
    /// librdkafka's error code (`rd_kafka_resp_err_t`), 0 when the error is this wrapper's own.
    package var libraryCode: Int32
    /// What happened, for a log line.
    package var message: String
    /// Whether the same call may succeed later.
    package var isRetryable: Bool
    /// Whether the client instance is of no use any more.
    package var isFatal: Bool
    /// Whether a record whose delivery failed may be on the broker all the same.
    package var mayBePersisted: Bool

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: What kind of error it is.
    ///   - message: What happened; must hold no secret.
    ///   - libraryCode: librdkafka's code, if it gave one.
    ///   - isRetryable: Whether the same call may succeed later.
    ///   - isFatal: Whether the client instance is of no use any more.
    ///   - mayBePersisted: Whether a record whose delivery failed may be on the broker all the same.
    package init(
        code: Code,
        message: String,
        libraryCode: Int32 = 0,
        isRetryable: Bool = false,
        isFatal: Bool = false,
        mayBePersisted: Bool = false
    ) {
        self.code = code
        self.message = message
        self.libraryCode = libraryCode
        self.isRetryable = isRetryable
        self.isFatal = isFatal
        self.mayBePersisted = mayBePersisted
    }

    package var description: String {
        self.libraryCode == 0 ? "\(self.code): \(self.message)" : "\(self.code) (\(self.libraryCode)): \(self.message)"
    }
}

extension KafkaError {
    static let closed = KafkaError(code: .closed, message: "The client was closed")

    /// The caller's task was cancelled; the same call may succeed later.
    static func cancelled(mayBePersisted: Bool) -> KafkaError {
        KafkaError(
            code: .cancelled,
            message: "The task was cancelled before the answer came",
            isRetryable: true,
            mayBePersisted: mayBePersisted
        )
    }

    /// Wraps one of librdkafka's codes.
    init(_ error: rd_kafka_resp_err_t, _ detail: String? = nil, mayBePersisted: Bool = false) {
        let text = String(cString: rd_kafka_err2str(error))
        self.init(
            code: Self.code(of: error),
            message: detail.map { $0.isEmpty ? text : $0 } ?? text,
            libraryCode: error.rawValue,
            isRetryable: Self.retryable.contains(error.rawValue),
            isFatal: error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__FENCED,
            mayBePersisted: mayBePersisted
        )
    }

    /// Wraps and destroys one of librdkafka's error objects; `nil` for none.
    init?(consuming object: OpaquePointer?) {
        guard let object else { return nil }
        defer { rd_kafka_error_destroy(object) }
        self.init(rd_kafka_error_code(object), String(cString: rd_kafka_error_string(object)))
        self.isFatal = self.isFatal || rd_kafka_error_is_fatal(object) != 0
        self.isRetryable = self.isRetryable || rd_kafka_error_is_retriable(object) != 0
    }

    /// Throws when the code is not success.
    static func check(_ error: rd_kafka_resp_err_t) throws(KafkaError) {
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(error) }
    }

    private static func code(of error: rd_kafka_resp_err_t) -> Code {
        switch error {
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR__WAIT_COORD:
            .transport
        case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
            .timedOut
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            .queueFull
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            .messageTooLarge
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
            .unknownTopic
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, RD_KAFKA_RESP_ERR__SSL:
            .authentication
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            .authorization
        case RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__FENCED:
            .fatal
        case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR__STATE:
            .notAssigned
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
            .offsetOutOfRange
        case RD_KAFKA_RESP_ERR_INVALID_MSG, RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
            RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
            .invalidRecord
        case RD_KAFKA_RESP_ERR__INVALID_ARG, RD_KAFKA_RESP_ERR_INVALID_CONFIG:
            .configuration
        case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
            .unsupported
        case RD_KAFKA_RESP_ERR__DESTROY:
            .closed
        default:
            .other
        }
    }

    /// Errors after which the same call may succeed. Authorization counts: rights are given while services run.
    private static let retryable: Set<Int32> = Set(
        [
            RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
            RD_KAFKA_RESP_ERR__QUEUE_FULL, RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__RETRY,
            RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR__FATAL,
            RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, RD_KAFKA_RESP_ERR__BAD_MSG,
            RD_KAFKA_RESP_ERR__IN_PROGRESS, RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS, RD_KAFKA_RESP_ERR__OUTDATED,
            RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            RD_KAFKA_RESP_ERR_NOT_CONTROLLER, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
            RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR_UNKNOWN, RD_KAFKA_RESP_ERR_INVALID_MSG, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        ].map(\.rawValue)
    )
}
