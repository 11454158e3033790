import WireFormats

/// Server-side apply: merges a configuration, keeps `managedFields`, finds conflicts.
struct ServerSideApply {
    var rules: ListRules
    var manager: String
    var isForced: Bool
    var apiVersion: String
    var subresource: String?
    var now: Timestamp

    private struct Entry {
        var json: JSONValue
        var fields: FieldSet

        init(json: JSONValue) {
            self.json = json
            fields = FieldSet(json: json["fieldsV1"] ?? [:])
        }

        var manager: String { json["manager"]?.string ?? "" }
        var isApply: Bool { json["operation"]?.string == "Apply" }

        func encoded() -> JSONValue {
            var json = json
            json["fieldsV1"] = fields.json
            return json
        }
    }

    /// The merged object; nil as `live` creates.
    func apply(_ configuration: JSONValue, to live: JSONValue?) throws(APIStatusError) -> JSONValue {
        var applied = configuration
        applied.update("metadata") { $0.removeMember("managedFields") }
        let fields = rules.fields(of: applied)
        guard let live else {
            applied.update("metadata") { $0["managedFields"] = [entry(fields).encoded()] }
            return applied
        }
        var entries = (live[path: "metadata", "managedFields"]?.array ?? []).map(Entry.init(json:))
        if entries.isEmpty { entries = [beforeFirstApply(live)] }
        let mine = entries.firstIndex {
            $0.isApply && $0.manager == manager && $0.json["subresource"]?.string == subresource
        }
        try resolveConflicts(applied, live, fields, mine: mine, &entries)
        var merged = merge(applied, into: live, path: [])
        if let mine {
            removeAbandoned(entries[mine].fields, fields, entries, mine: mine, &merged)
            let isUnchanged = entries[mine].fields == fields
            entries[mine].fields = fields
            if !isUnchanged { entries[mine].json["time"] = .string(now.rfc3339Seconds) }
        } else {
            entries.append(entry(fields))
        }
        let managed = entries.filter { !$0.fields.isEmpty }.map { $0.encoded() }
        merged.update("metadata") { metadata in
            metadata["managedFields"] = .array(managed)
            metadata.setIfPresent("resourceVersion", applied[path: "metadata", "resourceVersion"])
        }
        return merged
    }

    private func entry(_ fields: FieldSet) -> Entry {
        var json: JSONValue = [
            "manager": .string(manager), "operation": "Apply", "apiVersion": .string(apiVersion),
            "time": .string(now.rfc3339Seconds), "fieldsType": "FieldsV1", "fieldsV1": fields.json,
        ]
        json.setIfPresent("subresource", subresource.map { .string($0) })
        return Entry(json: json)
    }

    /// An object that was never applied belongs, as a whole, to whoever wrote it.
    private func beforeFirstApply(_ live: JSONValue) -> Entry {
        let time = live[path: "metadata", "creationTimestamp"] ?? .string(now.rfc3339Seconds)
        var owned = live
        owned.removeMember("status")
        return Entry(json: [
            "manager": "before-first-apply", "operation": "Update", "apiVersion": .string(apiVersion), "time": time,
            "fieldsType": "FieldsV1", "fieldsV1": rules.fields(of: owned).json,
        ])
    }

    /// Fields that others own and that would change: refused, or taken over by force.
    private func resolveConflicts(
        _ applied: JSONValue,
        _ live: JSONValue,
        _ fields: FieldSet,
        mine: Int?,
        _ entries: inout [Entry]
    ) throws(APIStatusError) {
        var conflicts: [(path: [String], manager: String)] = []
        for path in fields.paths {
            let wanted = rules.value(applied, path)
            guard wanted?.object?.isEmpty != false, wanted != rules.value(live, path) else { continue }
            if case .some(.object) = wanted { continue }
            for index in entries.indices where index != mine && entries[index].fields.contains(path) {
                conflicts.append((path, entries[index].manager))
                if isForced { entries[index].fields.remove(path[...]) }
            }
        }
        guard !conflicts.isEmpty, !isForced else { return }
        conflicts.sort { $0.path.lexicographicallyPrecedes($1.path) }
        let causes = conflicts.map { conflict -> JSONValue in
            [
                "reason": "FieldManagerConflict",
                "message": .string("conflict with \"\(conflict.manager)\" using \(apiVersion)"),
                "field": .string(FieldSet.text(conflict.path)),
            ]
        }
        let list = conflicts.map { "conflict with \"\($0.manager)\" using \(apiVersion): \(FieldSet.text($0.path))" }
        let noun = conflicts.count == 1 ? "conflict" : "conflicts"
        throw APIStatusError(
            code: 409,
            reason: "Conflict",
            message: "Apply failed with \(conflicts.count) \(noun): \(list.joined(separator: "\n"))",
            details: ["causes": .array(causes)]
        )
    }

    private func merge(_ applied: JSONValue, into live: JSONValue, path: [String]) -> JSONValue {
        switch (applied, live) {
        case (.object(let new), .object(let old)):
            var result = old
            for (key, value) in new {
                result[key] = merge(value, into: old[key] ?? .null, path: path + ["f:\(key)"])
            }
            return .object(result)
        case (.array(let new), .array(let old)):
            let kind = rules.kind(of: path)
            guard kind != .atomic else { return applied }
            var result = old
            for item in new {
                guard let element = ListRules.element(item, kind) else { return applied }
                if let index = result.firstIndex(where: { ListRules.element($0, kind) == element }) {
                    result[index] = merge(item, into: result[index], path: path + [element])
                } else {
                    result.append(item)
                }
            }
            return .array(result)
        default: return applied
        }
    }

    /// Removes what this manager set before, sets no longer, and nobody else owns.
    private func removeAbandoned(
        _ before: FieldSet,
        _ after: FieldSet,
        _ entries: [Entry],
        mine: Int,
        _ object: inout JSONValue
    ) {
        // Deepest first, so that an item of a list goes after its own fields.
        for path in before.paths.sorted(by: { $0.count > $1.count }) where !after.contains(path) {
            let isOwned = entries.indices.contains { $0 != mine && entries[$0].fields.contains(path) }
            if !isOwned { remove(path[...], at: [], from: &object) }
        }
    }

    private func remove(_ path: ArraySlice<String>, at prefix: [String], from value: inout JSONValue) {
        guard let element = path.first else { return }
        if element.hasPrefix("f:") {
            let key = String(element.dropFirst(2))
            guard path.count > 1 else {
                value.removeMember(key)
                return
            }
            guard var member = value[key] else { return }
            remove(path.dropFirst(), at: prefix + [element], from: &member)
            value[key] = member
        } else if var array = value.array {
            let kind = rules.kind(of: prefix)
            guard let index = array.firstIndex(where: { ListRules.element($0, kind) == element }) else { return }
            if path.count == 1 {
                array.remove(at: index)
            } else {
                remove(path.dropFirst(), at: prefix + [element], from: &array[index])
            }
            value = .array(array)
        }
    }

    /// After a write that was not an apply: fields that changed belong to the writer now.
    static func recordUpdate(
        old: JSONValue,
        new: inout JSONValue,
        rules: ListRules,
        manager: String,
        apiVersion: String,
        subresource: String?,
        now: Timestamp
    ) {
        var entries = (old[path: "metadata", "managedFields"]?.array ?? []).map(Entry.init(json:))
        guard !entries.isEmpty else { return }
        var changed = FieldSet()
        for path in rules.fields(of: new).paths where rules.value(new, path) != rules.value(old, path) {
            changed.insert(path[...])
            for index in entries.indices { entries[index].fields.remove(path[...]) }
        }
        for index in entries.indices {
            for path in entries[index].fields.paths where rules.value(new, path) == nil {
                entries[index].fields.remove(path[...])
            }
        }
        if !changed.isEmpty {
            let mine = entries.firstIndex {
                !$0.isApply && $0.manager == manager && $0.json["subresource"]?.string == subresource
            }
            if let mine {
                for path in changed.paths { entries[mine].fields.insert(path[...]) }
                entries[mine].json["time"] = .string(now.rfc3339Seconds)
            } else {
                var json: JSONValue = [
                    "manager": .string(manager), "operation": "Update", "apiVersion": .string(apiVersion),
                    "time": .string(now.rfc3339Seconds), "fieldsType": "FieldsV1", "fieldsV1": changed.json,
                ]
                json.setIfPresent("subresource", subresource.map { .string($0) })
                entries.append(Entry(json: json))
            }
        }
        let managed = entries.filter { !$0.fields.isEmpty }.map { $0.encoded() }
        new.update("metadata") { $0["managedFields"] = .array(managed) }
    }
}
