/// One attempt of one request, for metrics and audits.
package struct APICall: Sendable, Hashable {
    /// As RBAC names it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    package var verb: String
    /// The resource with its subresource, as RBAC names it: `jobs`, `pulltasks/status`.
    package var resource: String
    /// The API group; empty for the core group.
    package var group: String
    /// The namespace; `nil` for all or none.
    package var namespace: String?
    /// The HTTP status; 0 where there was no answer.
    package var code: Int
    /// From the hand-over of the request to its answer; for a watch to its headers.
    package var duration: Duration

    /// Creates a record.
    package init(
        verb: String,
        resource: String,
        group: String,
        namespace: String? = nil,
        code: Int,
        duration: Duration
    ) {
        self.verb = verb
        self.resource = resource
        self.group = group
        self.namespace = namespace
        self.code = code
        self.duration = duration
    }
}
