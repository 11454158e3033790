import WireFormats

/// Reads and writes objects with everything an API server does around the store: defaults, admission, validation,
/// immutable metadata, generations, graceful deletion. Controllers use it too, so that they meet the same rules.
struct ObjectAPI: Sendable {
    let store: ObjectStore
    let registry: ResourceRegistry
    /// Whether those who ask are told that a change is made: then it is on disk, or is refused with an error.
    var isAcknowledging = false

    struct WriteOptions: Sendable {
        var isDryRun = false
        /// `Strict`, `Warn` or `Ignore`: what happens to unknown fields.
        var fieldValidation = "Warn"
        var fieldManager = "unknown"
    }

    struct WriteResult: Sendable {
        var object: StoredObject
        var warnings: [String] = []
        var wasCreated = false
    }

    func context() -> AdmissionContext { AdmissionContext(store: store, now: .now()) }

    func get(_ definition: ResourceDefinition, _ key: ObjectKey) throws(APIStatusError) -> StoredObject {
        guard let object = store.get(definition.resource, key) else {
            throw .notFound(definition.resource, key.name)
        }
        return object
    }

    // MARK: Creating

    func create(
        _ definition: ResourceDefinition,
        namespace: String,
        _ body: JSONValue,
        _ options: WriteOptions = WriteOptions()
    ) throws(APIStatusError) -> WriteResult {
        let context = context()
        var warnings: [String] = []
        for attempt in 0..<8 {
            var json = try identified(definition, namespace: namespace, body, now: context.now)
            let key = definition.key(json["metadata"] ?? [:])
            try checkNamespace(definition, key)
            if store.get(definition.resource, key) != nil {
                if body[path: "metadata", "name"] == nil, attempt < 7 { continue }
                throw .alreadyExists(definition.resource, key.name)
            }
            if definition.hasStatus, definition.resource != .nodes { json.removeMember("status") }
            warnings = try shape(definition, &json, options)
            try definition.hooks.prepareCreate(&json, context)
            try validate(definition, json, old: nil)
            if options.isDryRun {
                return WriteResult(
                    object: StoredObject(key: key, json: json, resourceVersion: 0),
                    warnings: warnings,
                    wasCreated: true
                )
            }
            let bounds = QuotaRules.bounds(on: definition.resource, in: key.namespace, store)
            do throws(ObjectStore.Failure) {
                let object = try store.insert(
                    definition.resource,
                    key,
                    json,
                    bounds: bounds,
                    isAcknowledged: isAcknowledging
                )
                didWrite(definition, object)
                return WriteResult(object: object, warnings: warnings, wasCreated: true)
            } catch {
                if case .notSaved(let why) = error { throw .notSaved(why) }
                guard case .full(let bound, let used) = error else { continue }
                throw .forbidden(definition.resource, key.name, bound.refusal(used: used))
            }
        }
        throw .alreadyExists(definition.resource, body[path: "metadata", "name"]?.string ?? "")
    }

    /// The body as a new object: group version, name, uid and times filled in.
    private func identified(
        _ definition: ResourceDefinition,
        namespace: String,
        _ body: JSONValue,
        now: Timestamp
    ) throws(APIStatusError) -> JSONValue {
        let typed = try typed(definition, body)
        var json = definition.view?.toStored(typed) ?? typed
        var metadata = json["metadata"] ?? [:]
        let given = metadata["namespace"]?.string ?? ""
        if definition.isNamespaced {
            if !given.isEmpty, given != namespace {
                throw .badRequest(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            }
            metadata["namespace"] = .string(namespace)
        } else {
            metadata.removeMember("namespace")
        }
        if (metadata["name"]?.string ?? "").isEmpty, let prefix = metadata["generateName"]?.string, !prefix.isEmpty {
            metadata["name"] = .string(String(prefix.prefix(58)) + RandomText.suffix())
        }
        if metadata["resourceVersion"]?.string?.isEmpty == false {
            throw .badRequest("resourceVersion should not be set on objects to be created")
        }
        metadata["uid"] = .string(RandomText.uuid())
        metadata["creationTimestamp"] = .string(now.rfc3339Seconds)
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] { metadata.removeMember(field) }
        if definition.hasGeneration { metadata["generation"] = 1 } else { metadata.removeMember("generation") }
        json["metadata"] = metadata
        return json
    }

    /// Checks or fills in `apiVersion` and `kind`, first in the object.
    func typed(_ definition: ResourceDefinition, _ body: JSONValue) throws(APIStatusError) -> JSONValue {
        guard let members = body.object else {
            throw .badRequest("the object provided is unrecognized (must be of type \(definition.kind))")
        }
        let kind = body["kind"]?.string ?? definition.kind
        let apiVersion = body["apiVersion"]?.string ?? definition.apiVersion
        guard kind == definition.kind, apiVersion == definition.apiVersion else {
            throw .badRequest(
                "the API version in the data (\(apiVersion), Kind=\(kind)) does not match the expected API version (\(definition.apiVersion), Kind=\(definition.kind))"
            )
        }
        if let metadata = body["metadata"], metadata.object == nil, !metadata.isNull {
            throw .badRequest(
                "\(definition.kind) in version \"\(definition.version)\" cannot be handled as a \(definition.kind): json: cannot unmarshal \(metadata.kindName) into Go struct field .metadata of type v1.ObjectMeta"
            )
        }
        var json: JSONValue = ["apiVersion": .string(apiVersion), "kind": .string(kind), "metadata": [:]]
        for (key, value) in members where !value.isNull || key == "data" { json[key] = value }
        return json
    }

    private func checkNamespace(_ definition: ResourceDefinition, _ key: ObjectKey) throws(APIStatusError) {
        guard definition.isNamespaced else { return }
        guard let namespace = store.get(.namespaces, ObjectKey(namespace: "", name: key.namespace)) else {
            throw .notFound(.namespaces, key.namespace)
        }
        guard !namespace.isDeleting || definition.resource == .events else {
            var error = APIStatusError.forbidden(
                definition.resource,
                key.name,
                "unable to create new content in namespace \(key.namespace) because it is being terminated"
            )
            error.details?["causes"] = [
                [
                    "reason": "NamespaceTerminating", "field": "metadata.namespace",
                    "message": .string("namespace \(key.namespace) is being terminated"),
                ]
            ]
            throw error
        }
    }

    // MARK: Shape and rules

    /// Prunes and defaults a custom resource; returns the warnings about unknown fields.
    func shape(
        _ definition: ResourceDefinition,
        _ json: inout JSONValue,
        _ options: WriteOptions
    ) throws(APIStatusError) -> [String] {
        guard let custom = definition.custom else { return [] }
        let unknown = custom.schema.prune(&json, path: "", isRoot: true)
        custom.schema.applyDefaults(to: &json)
        guard !unknown.isEmpty, options.fieldValidation != "Ignore" else { return [] }
        let faults = unknown.map { "unknown field \"\($0)\"" }
        if options.fieldValidation == "Strict" {
            throw .badRequest("strict decoding error: \(faults.joined(separator: ", "))")
        }
        return faults
    }

    func validate(_ definition: ResourceDefinition, _ json: JSONValue, old: JSONValue?) throws(APIStatusError) {
        var faults = MetadataValidation.faults(json["metadata"] ?? [:], nameRule: definition.nameRule)
        if let custom = definition.custom {
            for (name, schema) in custom.schema.node.properties where name != "metadata" {
                if let value = json[name] { faults += schema.validate(value, path: name) }
            }
            for name in custom.schema.node.required where json[name] == nil { faults.append(.required(name)) }
            faults += Self.brokenRules(custom.schema, json, old: old, shapeFaults: faults)
        }
        faults += definition.hooks.validate(json, old)
        guard faults.isEmpty else {
            throw definition.invalid(json[path: "metadata", "name"]?.string ?? "", faults)
        }
    }

    /// Rules are asked of objects whose shape is in order: what they would say of others is not known.
    private static func brokenRules(
        _ schema: StructuralSchema,
        _ json: JSONValue,
        old: JSONValue?,
        shapeFaults: [FieldError]
    ) -> [FieldError] {
        guard schema.node.hasRules else { return [] }
        let isMisshapen = shapeFaults.contains { fault in
            switch fault.kind {
            case .required, .typeInvalid, .tooLong, .tooMany: true
            case .invalid, .notSupported, .duplicate, .forbidden, .notFound: false
            }
        }
        guard isMisshapen else { return schema.brokenRules(json, old: old, path: "") }
        let detail = """
            some validation rules were not checked because the object was invalid; correct the existing errors to \
            complete validation
            """
        return [.invalid("<nil>", .null, detail)]
    }

    /// Keeps the registry in step with the CustomResourceDefinitions.
    func didWrite(_ definition: ResourceDefinition, _ object: StoredObject) {
        if definition.resource == .customResourceDefinitions { registry.install(object.json) }
    }
}
