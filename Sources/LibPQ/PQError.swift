/// What went wrong between us and PostgreSQL.
///
/// The message never holds the value of a parameter: for data exceptions, whose server messages quote the input, it is
/// a constant text.
package struct PQError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure; free of dynamic text, so that it can be a metric label.
    package enum Code: String, Sendable, CaseIterable {
        /// The connection could not be made or was lost; whether a statement in flight took effect is unknown.
        case connection
        /// The server or the wait for it took longer than allowed.
        case timeout
        /// No connection of the pool became free in time.
        case poolExhausted
        /// A unique constraint was violated (SQLSTATE 23505).
        case uniqueViolation
        /// Another integrity constraint was violated (SQLSTATE class 23).
        case constraintViolation
        /// The transaction conflicts with another (serialization failure or deadlock) and may be run again.
        case serialization
        /// The statement is wrong (SQLSTATE class 42).
        case syntax
        /// A value does not fit its type (SQLSTATE class 22).
        case data
        /// The role may not do this (SQLSTATE 42501 and class 28).
        case authorization
        /// The server is short of something (SQLSTATE class 53), for instance of disk space.
        case resources
        /// The connection or pool was closed by us.
        case closed
        /// The connection settings cannot be used.
        case configuration
        /// A column is missing, null, or of another type than was asked for.
        case decoding
        /// Anything else that the server reports.
        case server
    }

    /// The kind of failure.
    package let code: Code
    /// The five characters of the SQL standard, where the server gave them.
    package let sqlState: String?
    /// For people; without parameter values and without credentials.
    package let message: String

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: For people; no values, no credentials.
    ///   - sqlState: Where the server gave one.
    package init(_ code: Code, _ message: String, sqlState: String? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
    }

    /// Whether the same work can succeed when it is tried again, on another connection or a little later.
    package var isRetryable: Bool {
        switch code {
        case .connection, .timeout, .poolExhausted, .serialization, .resources: true
        case .uniqueViolation, .constraintViolation, .syntax, .data, .authorization, .closed, .configuration,
            .decoding, .server:
            false
        }
    }

    package var description: String {
        "\(code.rawValue)\(sqlState.map { " (\($0))" } ?? ""): \(message)"
    }
}

extension PQError {
    /// Classifies what a server reported.
    ///
    /// - Parameters:
    ///   - sqlState: PostgreSQL, appendix A.
    ///   - primaryMessage: The server's primary message; detail and hint are dropped, since they quote rows.
    ///   - constraint: The constraint's name, where one was violated.
    init(sqlState: String, primaryMessage: String, constraint: String?) {
        let code = Self.classify(sqlState)
        let message =
            switch code {
            case .data: "a value does not fit its type"
            case .uniqueViolation, .constraintViolation: "violates the constraint \(constraint ?? "of its table")"
            default: String(primaryMessage.prefix(512))
            }
        self.init(code, message, sqlState: sqlState)
    }

    static func classify(_ sqlState: String) -> Code {
        switch sqlState {
        case "23505": return .uniqueViolation
        case "40001", "40P01": return .serialization
        case "42501": return .authorization
        case "57014", "55P03", "25P03": return .timeout
        case "57P01", "57P02", "57P03", "57P05": return .connection
        default: break
        }
        switch sqlState.prefix(2) {
        case "08": return .connection
        case "22": return .data
        case "23": return .constraintViolation
        case "28": return .authorization
        case "42": return .syntax
        case "53": return .resources
        default: return .server
        }
    }
}
