/// Who makes a request: what a bearer token stands for.
package struct Principal: Sendable, Equatable {
    /// The token's name, for logs. Never the token.
    package let name: String
    /// The project that it belongs to; `*` means every project.
    package let project: String
    /// What it may do.
    package let role: Role

    /// Makes a principal.
    ///
    /// - Parameters:
    ///   - name: The token's name.
    ///   - project: The project, or `*`.
    ///   - role: What it may do.
    package init(name: String, project: String, role: Role) {
        self.name = name
        self.project = project
        self.role = role
    }

    /// Whether it may see and do things in a project.
    ///
    /// - Parameter project: The project's name.
    /// - Returns: True when it is the principal's own, or it is for all.
    package func covers(project: String) -> Bool { isForAllProjects || self.project == project }

    /// Whether it is shown webhooks' URLs whole.
    package var seesWebhooks: Bool { role >= .admin }

    /// Whether it belongs to no single project.
    package var isForAllProjects: Bool { project == "*" }
}

/// What a token may do. Each role may also do what those before it may.
package enum Role: String, Sendable, CaseIterable, Comparable {
    /// Reads tasks, their nodes, events and deliveries, and clusters.
    case viewer
    /// Submits, cancels, pauses, resumes, retries and changes tasks, and has webhooks sent again.
    case submitter
    /// Is shown webhooks' URLs whole, with the values in their query, which may be the receiver's token.
    case admin

    package static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .submitter: 1
        case .admin: 2
        }
    }
}
