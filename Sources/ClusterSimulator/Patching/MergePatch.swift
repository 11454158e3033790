import WireFormats

/// JSON Merge Patch (RFC 7396).
enum MergePatch {
    static func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard let members = patch.object else { return patch }
        var result = target.object ?? [:]
        for (key, value) in members {
            if value.isNull {
                result.removeValue(forKey: key)
            } else {
                result[key] = apply(value, to: result[key] ?? .null)
            }
        }
        return .object(result)
    }
}

/// Strategic merge patch, with the merge keys of the built-in lists.
enum StrategicMergePatch {
    /// The key by which a list is merged, by the name of its field; lists that are not here are replaced.
    ///
    /// Fields of one name have one key in all types served here, but for the exceptions in `mergeKey(of:in:)`.
    private static let mergeKeys: [String: String] = [
        "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "volumes": "name",
        "volumeMounts": "mountPath", "volumeDevices": "devicePath", "env": "name", "ports": "containerPort",
        "imagePullSecrets": "name", "hostAliases": "ip", "conditions": "type", "addresses": "type",
        "ownerReferences": "uid", "secrets": "name", "taints": "key", "topologySpreadConstraints": "topologyKey",
        "resourceClaims": "name", "schedulingGates": "name",
    ]
    /// Lists of plain values that are merged as sets.
    private static let sets: Set<String> = ["finalizers"]

    static func mergeKey(of field: String) -> String? { mergeKeys[field] }
    static func isSet(_ field: String) -> Bool { sets.contains(field) }

    static func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard let members = patch.object else { return patch }
        if patch["$patch"]?.string == "replace" {
            var replacement = patch
            replacement.removeMember("$patch")
            return replacement
        }
        if patch["$patch"]?.string == "delete" { return [:] }
        var result = target.object ?? [:]
        for (key, value) in members where !key.hasPrefix("$") {
            if value.isNull {
                result.removeValue(forKey: key)
            } else if let items = value.array {
                result[key] = mergedList(key, items, into: result[key]?.array ?? [])
            } else if value.object != nil {
                result[key] = apply(value, to: result[key] ?? .null)
            } else {
                result[key] = value
            }
        }
        for (key, value) in members where key.hasPrefix("$") { applyDirective(key, value, &result) }
        return .object(result)
    }

    private static func mergedList(_ field: String, _ patch: [JSONValue], into list: [JSONValue]) -> JSONValue {
        if isSet(field) {
            return .array(list + patch.filter { !list.contains($0) })
        }
        guard let key = mergeKey(of: field), patch.allSatisfy({ $0.object != nil }) else { return .array(patch) }
        if patch.contains(where: { $0["$patch"]?.string == "replace" }) {
            return .array(patch.filter { $0["$patch"] == nil })
        }
        var result = list
        for item in patch {
            let identity = item[key]
            let index = result.firstIndex { $0[key] == identity }
            if item["$patch"]?.string == "delete" {
                if let index { result.remove(at: index) }
            } else if let index {
                result[index] = apply(item, to: result[index])
            } else {
                result.append(apply(item, to: .null))
            }
        }
        return .array(result)
    }

    private static func applyDirective(_ key: String, _ value: JSONValue, _ result: inout JSONObject) {
        if key.hasPrefix("$deleteFromPrimitiveList/") {
            let field = String(key.dropFirst("$deleteFromPrimitiveList/".count))
            let gone = value.array ?? []
            result[field] = .array((result[field]?.array ?? []).filter { !gone.contains($0) })
        } else if key == "$retainKeys" {
            let kept = Set((value.array ?? []).compactMap(\.string))
            for name in result.keys where !kept.contains(name) { result.removeValue(forKey: name) }
        } else if key.hasPrefix("$setElementOrder/") {
            let field = String(key.dropFirst("$setElementOrder/".count))
            guard let list = result[field]?.array, let order = value.array else { return }
            result[field] = .array(ordered(list, field: field, order))
        }
    }

    /// The list in the wanted order; elements the order does not name stay behind those before them.
    private static func ordered(_ list: [JSONValue], field: String, _ order: [JSONValue]) -> [JSONValue] {
        let key = mergeKey(of: field)
        func identity(_ item: JSONValue) -> JSONValue { key.flatMap { item[$0] } ?? item }
        let wanted = order.map(identity)
        let named = wanted.compactMap { name in list.first { identity($0) == name } }
        let others = list.filter { !wanted.contains(identity($0)) }
        return others + named
    }
}
