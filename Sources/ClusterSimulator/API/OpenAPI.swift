import Crypto
import WireFormats

/// The OpenAPI documents: enough for kubectl's validation and `kubectl explain`.
struct OpenAPI: Sendable {
    let registry: ResourceRegistry

    /// `/openapi/v3`: where the document of each group version is.
    func index(prefix: String) -> JSONValue {
        var paths = JSONObject()
        for (group, version) in registry.groupVersions {
            let path = group.isEmpty ? "api/\(version)" : "apis/\(group)/\(version)"
            let hash = Hex.encode(SHA256.hash(data: Array("\(path) \(registry.generation)".utf8))).prefix(32)
            paths[path] = ["serverRelativeURL": .string("\(prefix)/openapi/v3/\(path)?hash=\(hash.uppercased())")]
        }
        return ["paths": .object(paths)]
    }

    /// The document of `api/v1` or `apis/<group>/<version>`.
    func document(path: String) -> JSONValue? {
        let parts = path.split(separator: "/").map(String.init)
        let group: String
        let version: String
        switch (parts.first, parts.count) {
        case ("api", 2): (group, version) = ("", parts[1])
        case ("apis", 3): (group, version) = (parts[1], parts[2])
        default: return nil
        }
        let definitions = registry.all.filter { $0.group == group && $0.version == version }
        guard !definitions.isEmpty else { return nil }
        var schemas = JSONObject()
        var paths = JSONObject()
        schemas["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"] = Self.metadataSchema
        for definition in definitions {
            schemas[Self.schemaName(definition)] = schema(definition)
            for (path, item) in self.paths(definition) { paths[path] = item }
        }
        return [
            "openapi": "3.0.0", "info": ["title": "Kubernetes", "version": "v1.36.0"], "paths": .object(paths),
            "components": ["schemas": .object(schemas)],
        ]
    }

    var version2: JSONValue {
        var definitions = JSONObject()
        for definition in registry.all { definitions[Self.schemaName(definition)] = schema(definition) }
        definitions["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"] = Self.metadataSchema
        return [
            "swagger": "2.0", "info": ["title": "Kubernetes", "version": "v1.36.0"], "paths": [:],
            "definitions": .object(definitions),
        ]
    }

    private static func schemaName(_ definition: ResourceDefinition) -> String {
        if definition.custom != nil {
            let reversed = definition.group.split(separator: ".").reversed().joined(separator: ".")
            return "\(reversed).\(definition.version).\(definition.kind)"
        }
        let group = definition.group.split(separator: ".").first.map(String.init) ?? "core"
        return "io.k8s.api.\(group).\(definition.version).\(definition.kind)"
    }

    private static func groupVersionKind(_ definition: ResourceDefinition) -> JSONValue {
        [
            "group": .string(definition.group), "version": .string(definition.version),
            "kind": .string(definition.kind),
        ]
    }

    private func schema(_ definition: ResourceDefinition) -> JSONValue {
        var schema =
            definition.custom?.schema.node.json ?? [
                "type": "object", "description": .string(BuiltinDescriptions.text(definition.kind)),
                "properties": BuiltinDescriptions.properties(definition), "x-kubernetes-preserve-unknown-fields": true,
            ]
        schema.update("properties") { properties in
            properties["apiVersion"] = [
                "type": "string",
                "description": "APIVersion defines the versioned schema of this representation of an object.",
            ]
            properties["kind"] = [
                "type": "string",
                "description": "Kind is a string value representing the REST resource this object represents.",
            ]
            properties["metadata"] = [
                "description": "Standard object's metadata.",
                "allOf": [["$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]],
            ]
        }
        schema["x-kubernetes-group-version-kind"] = [Self.groupVersionKind(definition)]
        return schema
    }

    private func paths(_ definition: ResourceDefinition) -> [(String, JSONValue)] {
        let root = definition.group.isEmpty ? "/api/v1" : "/apis/\(definition.group)/\(definition.version)"
        let base =
            definition.isNamespaced
            ? "\(root)/namespaces/{namespace}/\(definition.plural)" : "\(root)/\(definition.plural)"
        let reference: JSONValue = ["$ref": .string("#/components/schemas/\(Self.schemaName(definition))")]
        let content: JSONValue = ["application/json": ["schema": reference]]
        func operation(_ action: String, _ parameters: [String]) -> JSONValue {
            [
                "x-kubernetes-action": .string(action),
                "x-kubernetes-group-version-kind": Self.groupVersionKind(definition),
                "parameters": .array(
                    parameters.map { ["name": .string($0), "in": "query", "schema": ["type": "string"]] }
                ),
                "responses": ["200": ["description": "OK", "content": content]],
            ]
        }
        let writing = ["dryRun", "fieldManager", "fieldValidation"]
        let patchTypes =
            definition.custom == nil
            ? [PatchKind.apply, .json, .merge, .strategic] : [PatchKind.apply, .json, .merge]
        var patch = operation("patch", writing + ["force"])
        patch["requestBody"] = [
            "content": .object(JSONObject(patchTypes.map { ($0.rawValue, ["schema": ["type": "object"]]) }))
        ]
        var post = operation("post", writing)
        post["requestBody"] = ["content": content]
        var put = operation("put", writing)
        put["requestBody"] = ["content": content]
        return [
            (
                base,
                [
                    "get": operation("list", ["labelSelector", "fieldSelector", "limit", "continue", "watch"]),
                    "post": post,
                ]
            ),
            (
                "\(base)/{name}",
                [
                    "get": operation("get", []), "put": put, "patch": patch, "delete": operation("delete", ["dryRun"]),
                ]
            ),
        ]
    }

    private static let metadataSchema: JSONValue = [
        "type": "object",
        "description": "ObjectMeta is metadata that all persisted resources must have.",
        "properties": [
            "name": ["type": "string", "description": "Name must be unique within a namespace."],
            "generateName": ["type": "string"],
            "namespace": [
                "type": "string", "description": "Namespace defines the space within which each name must be unique.",
            ],
            "labels": ["type": "object", "additionalProperties": ["type": "string"]],
            "annotations": ["type": "object", "additionalProperties": ["type": "string"]],
            "uid": ["type": "string"],
            "resourceVersion": ["type": "string"],
            "generation": ["type": "integer", "format": "int64"],
            "creationTimestamp": ["type": "string", "format": "date-time"],
            "deletionTimestamp": ["type": "string", "format": "date-time"],
            "deletionGracePeriodSeconds": ["type": "integer", "format": "int64"],
            "finalizers": ["type": "array", "items": ["type": "string"], "x-kubernetes-list-type": "set"],
            "ownerReferences": ["type": "array", "items": ["type": "object"]],
            "managedFields": ["type": "array", "items": ["type": "object"]],
            "selfLink": ["type": "string"],
        ],
    ]
}

/// Short descriptions of the built-in kinds for `kubectl explain`.
enum BuiltinDescriptions {
    static func text(_ kind: String) -> String {
        switch kind {
        case "Pod": "Pod is a collection of containers that can run on a host."
        case "Node": "Node is a worker node in Kubernetes."
        case "Job": "Job represents the configuration of a single job."
        case "Secret": "Secret holds secret data of a certain type."
        case "Namespace": "Namespace provides a scope for Names."
        case "Lease": "Lease defines a lease concept."
        case "Event": "Event is a report of an event somewhere in the cluster."
        default: "\(kind) as the cluster simulator stores it."
        }
    }

    static func properties(_ definition: ResourceDefinition) -> JSONValue {
        let open: JSONValue = ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
        let strings: JSONValue = ["type": "object", "additionalProperties": ["type": "string"]]
        switch definition.kind {
        case "Secret":
            return [
                "type": ["type": "string"], "data": strings, "stringData": strings, "immutable": ["type": "boolean"],
            ]
        case "ConfigMap": return ["data": strings, "binaryData": strings, "immutable": ["type": "boolean"]]
        case "PriorityClass":
            return [
                "value": ["type": "integer"], "globalDefault": ["type": "boolean"],
                "preemptionPolicy": ["type": "string"], "description": ["type": "string"],
            ]
        case "Event", "ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding": return [:]
        default: return definition.hasStatus ? ["spec": open, "status": open] : ["spec": open]
        }
    }
}
