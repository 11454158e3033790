import WireFormats
import Yams

/// The kinds of patch, by media type.
enum PatchKind: String, Sendable {
    case json = "application/json-patch+json"
    case merge = "application/merge-patch+json"
    case strategic = "application/strategic-merge-patch+json"
    case apply = "application/apply-patch+yaml"
}

extension ObjectAPI {
    func patch(
        _ definition: ResourceDefinition,
        _ key: ObjectKey,
        subresource: String?,
        kind: PatchKind,
        _ patch: JSONValue,
        isForced: Bool,
        _ options: WriteOptions
    ) throws(APIStatusError) -> WriteResult {
        if kind == .apply {
            return try apply(definition, key, subresource: subresource, patch, isForced: isForced, options)
        }
        if kind == .strategic, definition.custom != nil {
            let accepted = [PatchKind.json, .merge, .apply].map(\.rawValue).joined(separator: ", ")
            throw .unsupportedMediaType(kind.rawValue, accepted: accepted)
        }
        return try mutate(definition, key, subresource: subresource, options) { old throws(APIStatusError) in
            switch kind {
            case .json: return try JSONPatch.apply(patch, to: old)
            case .merge: return MergePatch.apply(patch, to: old)
            case .strategic, .apply: return StrategicMergePatch.apply(patch, to: old)
            }
        }
    }

    private func apply(
        _ definition: ResourceDefinition,
        _ key: ObjectKey,
        subresource: String?,
        _ configuration: JSONValue,
        isForced: Bool,
        _ options: WriteOptions
    ) throws(APIStatusError) -> WriteResult {
        guard configuration["kind"]?.string == definition.kind else {
            throw .badRequest(
                "invalid object type: \(configuration["apiVersion"]?.string ?? ""), Kind=\(configuration["kind"]?.string ?? "")"
            )
        }
        let apply = ServerSideApply(
            rules: ListRules(schema: definition.custom?.schema),
            manager: options.fieldManager,
            isForced: isForced,
            apiVersion: definition.apiVersion,
            subresource: subresource,
            now: .now()
        )
        var configuration = configuration
        configuration.update("metadata") { $0.setDefault("name", .string(key.name)) }
        while true {
            if store.get(definition.resource, key) != nil {
                return try mutate(definition, key, subresource: subresource, options, isApply: true) {
                    old throws(APIStatusError) in
                    try apply.apply(configuration, to: old)
                }
            }
            guard subresource == nil else { throw .notFound(definition.resource, key.name) }
            let new = try apply.apply(configuration, to: nil)
            do throws(APIStatusError) {
                return try create(definition, namespace: key.namespace, new, options)
            } catch {
                if error.reason != "AlreadyExists" { throw error }
            }
        }
    }

    /// Reads the body of a patch; that of an apply may be YAML.
    static func parsePatch(_ bytes: [UInt8], kind: PatchKind) throws(APIStatusError) -> JSONValue {
        if let json = try? JSONValue(parsing: bytes) { return json }
        guard kind == .apply else { throw .badRequest("error decoding patch: invalid JSON") }
        return try YAMLDocuments.parseOne(String(decoding: bytes, as: UTF8.self))
    }
}

/// YAML manifests as JSON.
enum YAMLDocuments {
    /// Reads a file of one or more documents; empty ones are left out.
    static func parse(_ text: String) throws(APIStatusError) -> [JSONValue] {
        var values: [JSONValue] = []
        do {
            var documents = try Yams.compose_all(yaml: text)
            while let node = documents.next() { values.append(convert(node)) }
            if let error = documents.error { throw error }
        } catch {
            throw .badRequest("error parsing YAML: \(error)")
        }
        return values.filter { !$0.isNull }
    }

    static func parseOne(_ text: String) throws(APIStatusError) -> JSONValue {
        guard let first = try parse(text).first else { throw .badRequest("error parsing YAML: no document") }
        return first
    }

    private static func convert(_ node: Node) -> JSONValue {
        switch node {
        case .mapping(let mapping):
            return .object(JSONObject(mapping.map { ($0.key.string ?? "", convert($0.value)) }))
        case .sequence(let sequence): return .array(sequence.map(convert))
        case .scalar, .alias: break
        }
        switch node.tag.description {
        case "tag:yaml.org,2002:null": return .null
        case "tag:yaml.org,2002:bool": return .bool(node.bool ?? false)
        case "tag:yaml.org,2002:int": return node.int.map { .integer(Int64($0)) } ?? .string(node.string ?? "")
        case "tag:yaml.org,2002:float": return node.float.map { .number($0) } ?? .string(node.string ?? "")
        default: return .string(node.string ?? "")
        }
    }
}
