package import WireFormats

/// A kind of object that the API server keeps.
///
/// The types of this module carry the fields that a client of nodes, Pods and Jobs needs and drop the others: an object that
/// somebody else also writes must be changed by a patch, never by sending the whole back.
package protocol KubernetesResource: Sendable, JSONDecodable, JSONEncodable {
    /// The API group, for example `batch`; empty for the core group.
    static var apiGroup: String { get }
    /// The version within the group, for example `v1`.
    static var apiVersion: String { get }
    /// The kind, for example `Job`.
    static var kind: String { get }
    /// The name in paths, for example `jobs`.
    static var plural: String { get }
    /// Whether objects live in a namespace.
    static var isNamespaced: Bool { get }
    /// Name, labels, owners and versions.
    var metadata: ObjectMeta { get set }
}

extension KubernetesResource {
    /// Group and version as objects name them: `v1`, `batch/v1`.
    package static var groupVersion: String { apiGroup.isEmpty ? apiVersion : "\(apiGroup)/\(apiVersion)" }

    /// The resource with its group, as metrics and RBAC name it: `pods`, `jobs.batch`.
    package static var qualifiedPlural: String { apiGroup.isEmpty ? plural : "\(plural).\(apiGroup)" }

    /// The start of every object of this kind: `apiVersion`, `kind` and `metadata`.
    package var envelope: JSONObject {
        var object = JSONObject()
        object["apiVersion"] = .string(Self.groupVersion)
        object["kind"] = .string(Self.kind)
        object["metadata"] = metadata.json
        return object
    }

    /// Where the object is.
    package var key: ObjectKey { ObjectKey(namespace: metadata.namespace, name: metadata.name ?? "") }
}

/// What names an object within its kind.
package struct ObjectKey: Sendable, Hashable, CustomStringConvertible {
    /// The namespace; `nil` for cluster-wide kinds.
    package var namespace: String?
    /// The object's name.
    package var name: String

    /// Creates a key.
    package init(namespace: String?, name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// `namespace/name`, or the name alone.
    package var description: String { namespace.map { "\($0)/\(name)" } ?? name }
}
