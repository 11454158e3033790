import WireFormats

/// A field selector, such as `spec.nodeName=n1,status.phase!=Running`.
struct FieldSelector: Sendable, Equatable {
    struct Term: Sendable, Equatable {
        var path: [String]
        var isNegated: Bool
        var value: String
    }

    var terms: [Term] = []

    var isEmpty: Bool { terms.isEmpty }

    /// Reads the text form, allowing only the fields that the resource can be selected by.
    ///
    /// - Throws: `400` for a malformed selector and for a field the real API server does not index.
    init(parsing text: String, resource: GroupResource, extraFields: [String]) throws(APIStatusError) {
        for part in text.split(separator: ",") {
            guard let equals = part.firstIndex(of: "=") else {
                throw .badRequest("invalid selector: '\(text)'; can't understand '\(part)'")
            }
            var path = part[..<equals]
            let isNegated = path.last == "!"
            if isNegated { path.removeLast() }
            var value = part[part.index(after: equals)...]
            if value.first == "=", !isNegated { value.removeFirst() }
            let name = String(path.trimmed)
            guard Self.fields(of: resource).contains(name) || extraFields.contains(name) else {
                throw .badRequest("field label not supported: \(name)")
            }
            let steps = name.split(separator: ".").map(String.init)
            terms.append(Term(path: steps, isNegated: isNegated, value: String(value)))
        }
    }

    init() {}

    /// The fields each resource can be selected by, beside `metadata.name` and `metadata.namespace`.
    private static func fields(of resource: GroupResource) -> Set<String> {
        let common: Set<String> = ["metadata.name", "metadata.namespace"]
        switch resource.description {
        case "pods":
            return common.union([
                "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName",
            ])
        case "nodes": return common.union(["spec.unschedulable"])
        case "events":
            return common.union([
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
                "reportingComponent", "source", "type",
            ])
        case "secrets": return common.union(["type"])
        case "namespaces": return common.union(["status.phase"])
        case "jobs.batch": return common.union(["status.successful"])
        default: return common
        }
    }

    /// The name the selector pins by equality, so that a list can be a look-up.
    var exactName: String? {
        terms.first { $0.path == ["metadata", "name"] && !$0.isNegated }?.value
    }

    func matches(_ object: JSONValue) -> Bool {
        terms.allSatisfy { term in
            let value = Self.text(object, term.path)
            return (value == term.value) != term.isNegated
        }
    }

    private static func text(_ object: JSONValue, _ path: [String]) -> String {
        var value = object
        for step in path {
            guard let next = value[step] else { return path == ["spec", "unschedulable"] ? "false" : "" }
            value = next
        }
        if path == ["source"] { return value["component"]?.string ?? "" }
        switch value {
        case .string(let text): return text
        case .bool(let flag): return flag ? "true" : "false"
        case .integer(let number): return String(number)
        case .null, .number, .array, .object: return ""
        }
    }
}
