import WireFormats

/// One served version of a resource: its names, and what the API server does with its objects.
struct ResourceDefinition: Sendable {
    var group: String
    var version: String
    var kind: String
    var plural: String
    var singular: String
    var shortNames: [String] = []
    var categories: [String] = []
    var isNamespaced = true
    var hasStatus = false
    /// Whether `metadata.generation` counts changes of the specification.
    var hasGeneration = false
    /// Whether an update without a resource version is accepted.
    var allowsUnconditionalUpdate = true
    var nameRule = NameRule.subdomain
    var columns: [TableColumn] = []
    /// Set for custom resources.
    var custom: CustomResource?
    /// Served without being stored, for example a SelfSubjectAccessReview.
    var isVirtual = false
    var hooks = ResourceHooks()

    struct CustomResource: Sendable {
        var schema: StructuralSchema
        var selectableFields: [String] = []
    }

    /// Set where the objects are those of another resource in another form.
    var view: View?

    /// A second form of a stored resource, as `events.k8s.io` is of core Events.
    struct View: Sendable {
        var stored: GroupResource
        var toServed: @Sendable (JSONValue) -> JSONValue
        var toStored: @Sendable (JSONValue) -> JSONValue
    }

    /// What the objects are stored under.
    var resource: GroupResource { view?.stored ?? GroupResource(group: group, resource: plural) }
    var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    var listKind: String { "\(kind)List" }
    var verbs: [String] {
        if isVirtual { return ["create"] }
        return ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }

    func key(_ metadata: JSONValue) -> ObjectKey {
        ObjectKey(
            namespace: isNamespaced ? metadata["namespace"]?.string ?? "" : "",
            name: metadata["name"]?.string ?? ""
        )
    }

    func invalid(_ name: String, _ faults: [FieldError]) -> APIStatusError {
        .invalid(kind: kind, group: group, name: name, faults)
    }
}

/// What is special about one resource when its objects are written.
struct ResourceHooks: Sendable {
    typealias Prepare = @Sendable (inout JSONValue, borrowing AdmissionContext) throws(APIStatusError) -> Void
    typealias Validate = @Sendable (_ new: JSONValue, _ old: JSONValue?) -> [FieldError]

    /// Defaulting and admission of a new object.
    var prepareCreate: Prepare = { _, _ in }
    /// Defaulting of a changed object.
    var prepareUpdate: Prepare = { _, _ in }
    var validate: Validate = { _, _ in [] }
}

/// What admission may look at.
struct AdmissionContext: Sendable {
    let store: ObjectStore
    let now: Timestamp

    func object(_ resource: GroupResource, _ namespace: String, _ name: String) -> JSONValue? {
        store.get(resource, ObjectKey(namespace: namespace, name: name))?.json
    }
}

extension GroupResource {
    static let namespaces = GroupResource(group: "", resource: "namespaces")
    static let nodes = GroupResource(group: "", resource: "nodes")
    static let pods = GroupResource(group: "", resource: "pods")
    static let secrets = GroupResource(group: "", resource: "secrets")
    static let serviceAccounts = GroupResource(group: "", resource: "serviceaccounts")
    static let events = GroupResource(group: "", resource: "events")
    static let configMaps = GroupResource(group: "", resource: "configmaps")
    static let jobs = GroupResource(group: "batch", resource: "jobs")
    static let leases = GroupResource(group: "coordination.k8s.io", resource: "leases")
    static let resourceQuotas = GroupResource(group: "", resource: "resourcequotas")
    static let priorityClasses = GroupResource(group: "scheduling.k8s.io", resource: "priorityclasses")
    static let customResourceDefinitions = GroupResource(
        group: "apiextensions.k8s.io",
        resource: "customresourcedefinitions"
    )
}
