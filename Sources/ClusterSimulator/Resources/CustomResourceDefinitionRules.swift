import WireFormats

/// CustomResourceDefinitions: their rules, and the resources they declare.
enum CustomResourceDefinitionRules {
    static let prepareCreate: ResourceHooks.Prepare = { json, context throws(APIStatusError) in
        setDefaults(&json)
        let established = condition(
            "Established",
            "InitialNamesAccepted",
            "the initial names have been accepted",
            context
        )
        let accepted = condition("NamesAccepted", "NoConflicts", "no conflicts found", context)
        let names = json[path: "spec", "names"] ?? [:]
        json["status"] = [
            "conditions": [accepted, established], "acceptedNames": names,
            "storedVersions": .array(storageVersions(json)),
        ]
    }

    static let prepareUpdate: ResourceHooks.Prepare = { json, _ throws(APIStatusError) in setDefaults(&json) }

    private static func condition(
        _ type: String,
        _ reason: String,
        _ message: String,
        _ context: borrowing AdmissionContext
    ) -> JSONValue {
        [
            "type": .string(type), "status": "True", "lastTransitionTime": .string(context.now.rfc3339Seconds),
            "reason": .string(reason), "message": .string(message),
        ]
    }

    private static func storageVersions(_ json: JSONValue) -> [JSONValue] {
        (json[path: "spec", "versions"]?.array ?? []).filter { $0["storage"]?.bool == true }.compactMap { $0["name"] }
    }

    private static func setDefaults(_ json: inout JSONValue) {
        json.update("spec") { spec in
            spec.update("names") { names in
                let kind = names["kind"]?.string ?? ""
                names.setDefault("singular", .string(kind.lowercased()))
                names.setDefault("listKind", .string("\(kind)List"))
            }
            spec.setDefault("conversion", ["strategy": "None"])
        }
    }

    static let validate: ResourceHooks.Validate = { new, old in
        var faults: [FieldError] = []
        let name = new[path: "metadata", "name"]?.string ?? ""
        let spec = new["spec"] ?? .null
        let group = spec["group"]?.string ?? ""
        let plural = spec[path: "names", "plural"]?.string ?? ""
        if group.isEmpty { faults.append(.required("spec.group")) }
        if plural.isEmpty { faults.append(.required("spec.names.plural")) }
        if (spec[path: "names", "kind"]?.string ?? "").isEmpty { faults.append(.required("spec.names.kind")) }
        if name != "\(plural).\(group)" {
            faults.append(.invalid("metadata.name", .string(name), "must be spec.names.plural+\".\"+spec.group"))
        }
        let scope = spec["scope"] ?? .null
        if !["Cluster", "Namespaced"].contains(scope.string ?? "") {
            faults.append(.notSupported("spec.scope", scope, ["Cluster", "Namespaced"]))
        }
        let versions = spec["versions"]?.array ?? []
        if storageVersions(new).count != 1 {
            let detail = "must have exactly one version marked as storage version"
            faults.append(.invalid("spec.versions", .array(versions), detail))
        }
        for (index, version) in versions.enumerated() {
            let path = "spec.versions[\(index)].schema.openAPIV3Schema"
            guard let schema = version[path: "schema", "openAPIV3Schema"] else {
                faults.append(.required(path, "schemas are required"))
                continue
            }
            faults += StructuralSchema.faults(schema, path: path)
            faults += StructuralSchema(schema).ruleFaults(path: path)
        }
        return faults
    }

    /// The served versions as resources.
    static func definitions(_ json: JSONValue) -> [ResourceDefinition] {
        let spec = json["spec"] ?? .null
        let names = spec["names"] ?? .null
        func strings(_ value: JSONValue?) -> [String] { (value?.array ?? []).compactMap(\.string) }
        return (spec["versions"]?.array ?? []).filter { $0["served"]?.bool == true }.map { version in
            ResourceDefinition(
                group: spec["group"]?.string ?? "",
                version: version["name"]?.string ?? "",
                kind: names["kind"]?.string ?? "",
                plural: names["plural"]?.string ?? "",
                singular: names["singular"]?.string ?? "",
                shortNames: strings(names["shortNames"]),
                categories: strings(names["categories"]),
                isNamespaced: spec["scope"]?.string == "Namespaced",
                hasStatus: version[path: "subresources", "status"] != nil,
                hasGeneration: true,
                allowsUnconditionalUpdate: false,
                columns: CustomColumns.columns(version["additionalPrinterColumns"]?.array ?? []),
                custom: ResourceDefinition.CustomResource(
                    schema: StructuralSchema(version[path: "schema", "openAPIV3Schema"] ?? .null),
                    selectableFields: (version["selectableFields"]?.array ?? []).compactMap {
                        $0["jsonPath"]?.string.map { String($0.drop { $0 == "." }) }
                    }
                )
            )
        }
    }
}
