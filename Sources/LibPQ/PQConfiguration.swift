package import Redaction

/// How to reach PostgreSQL and how long to wait for it.
package struct PQConfiguration: Sendable {
    /// `postgres://user:password@host:port/database?sslmode=…`, or any other libpq connection string. Secret.
    package var url: SecretBytes
    /// The most connections that a pool opens. Each has a thread of its own. Default 8.
    package var maximumConnections: Int
    /// How long making a connection may take. Default 5 s.
    package var connectTimeout: Duration
    /// How long one statement may take, at the server and here. Default 30 s.
    package var statementTimeout: Duration
    /// How long to wait for a free connection of the pool. Default 5 s.
    package var acquireTimeout: Duration
    /// What `pg_stat_activity` shows. Default `longshore`.
    package var applicationName: String
    /// Ends the waits of all connections that are made with this configuration or a copy of it.
    package let waitLimit = PQWaitLimit()

    /// Makes a configuration.
    ///
    /// - Parameters:
    ///   - url: The connection string.
    ///   - maximumConnections: At least 1.
    ///   - connectTimeout: For one attempt.
    ///   - statementTimeout: For one statement.
    ///   - acquireTimeout: For a free connection.
    ///   - applicationName: For `pg_stat_activity`.
    package init(
        url: SecretBytes,
        maximumConnections: Int = 8,
        connectTimeout: Duration = .seconds(5),
        statementTimeout: Duration = .seconds(30),
        acquireTimeout: Duration = .seconds(5),
        applicationName: String = "longshore"
    ) {
        self.url = url
        self.maximumConnections = max(1, maximumConnections)
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.acquireTimeout = acquireTimeout
        self.applicationName = applicationName
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, for the C boundary.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
