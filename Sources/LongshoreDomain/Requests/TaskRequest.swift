package import WireFormats

/// A request for a task as a client made it, checked and resolved, with its credentials still in it.
///
/// Everything but the credentials is read through it as from its ``spec``.
@dynamicMemberLookup
package struct TaskRequest: Sendable {
    /// All settings; its own list of credentials is empty.
    package var spec: TaskSpec
    /// The credentials that some image of the task can need, with at most one for each scope.
    package var credentials: [RegistryCredential]
    /// What is probably not meant as it is written; nothing of it keeps the task from being done.
    package var warnings: [RequestWarning]

    /// Makes a request of parts that have been checked.
    ///
    /// - Parameters:
    ///   - spec: All settings.
    ///   - credentials: The credentials.
    ///   - warnings: What is probably not meant as it is written.
    package init(spec: TaskSpec, credentials: [RegistryCredential] = [], warnings: [RequestWarning] = []) {
        self.spec = spec
        self.credentials = credentials
        self.warnings = warnings
    }

    /// A setting of the ``spec``.
    package subscript<Value>(dynamicMember keyPath: KeyPath<TaskSpec, Value>) -> Value { spec[keyPath: keyPath] }

    /// Whether a secret itself is in the request.
    package var hasPlaintextCredentials: Bool { credentials.contains { $0.source.isPlaintext } }

    /// Whether the client has sealed a credential, which binds it to a task id known beforehand.
    package var hasSealedCredentials: Bool {
        credentials.contains { credential in
            if case .sealed = credential.source { true } else { false }
        }
    }

    /// Reads a request and checks all of it.
    ///
    /// - Parameters:
    ///   - json: The request's JSON; unknown fields are refused at every level.
    ///   - channel: Which way it came; that decides how credentials may be given.
    ///   - defaults: The values for what the request leaves out.
    /// - Returns: The request with every default in its place.
    /// - Throws: ``RequestFaults`` with every fault; its texts never quote a value of the request.
    package static func parse(
        _ json: JSONValue,
        channel: RequestChannel,
        defaults: RequestDefaults = RequestDefaults()
    ) throws(RequestFaults) -> TaskRequest {
        var parser = RequestParser(channel: channel, defaults: defaults)
        return try parser.parse(json)
    }
}

/// The way by which a request came.
package enum RequestChannel: String, Sendable, Hashable, CaseIterable {
    /// `POST /v1/tasks`: credentials may be given in the clear, over TLS.
    case http
    /// `longshore.requests`: credentials only as references or sealed, because topics are kept.
    case kafka
    /// A PullTask made with kubectl: credentials only as references, because etcd keeps what was written.
    case pullTask
}

/// The values for what a request leaves out and an operator or the caller's token decides.
package struct RequestDefaults: Sendable, Hashable {
    /// The project. Default: `default`.
    package var project: String
    /// The cluster. Default: `default`.
    package var cluster: String

    /// Makes defaults.
    ///
    /// - Parameters:
    ///   - project: The project.
    ///   - cluster: The cluster.
    package init(project: String = "default", cluster: String = "default") {
        self.project = project
        self.cluster = cluster
    }
}
