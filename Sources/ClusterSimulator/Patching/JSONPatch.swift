import WireFormats

/// JSON Patch (RFC 6902).
enum JSONPatch {
    static func apply(_ patch: JSONValue, to document: JSONValue) throws(APIStatusError) -> JSONValue {
        guard let operations = patch.array else {
            throw .badRequest(
                "error decoding patch: json: cannot unmarshal \(patch.kindName) into Go value of type jsonpatch.Patch"
            )
        }
        guard operations.count <= 10_000 else {
            throw APIStatusError(
                code: 413,
                reason: "RequestEntityTooLarge",
                message: "The allowed maximum operations in a JSON patch is 10000, got \(operations.count)"
            )
        }
        var document = document
        for operation in operations {
            guard let fault = apply(operation, &document) else { continue }
            throw APIStatusError(
                code: 422,
                reason: "Invalid",
                message: "the server rejected our request due to an error in our request: \(fault)"
            )
        }
        return document
    }

    private static func apply(_ operation: JSONValue, _ document: inout JSONValue) -> String? {
        guard let path = operation["path"]?.string.flatMap(steps) else { return "missing or bad path" }
        let value = operation["value"]
        switch operation["op"]?.string {
        case "add":
            guard let value else { return "missing value" }
            return edit(&document, path[...], .add(value))
        case "remove": return edit(&document, path[...], .remove)
        case "replace":
            guard let value else { return "missing value" }
            return edit(&document, path[...], .replace(value))
        case "test":
            return find(document, path) == (value ?? .null)
                ? nil : "testing value \(operation["path"]?.string ?? "") failed"
        case "move", "copy":
            guard let from = operation["from"]?.string.flatMap(steps), let moved = find(document, from) else {
                return "from does not exist"
            }
            if operation["op"]?.string == "move", let fault = edit(&document, from[...], .remove) { return fault }
            return edit(&document, path[...], .add(moved))
        default: return "unexpected operation"
        }
    }

    private static func steps(_ pointer: String) -> [String]? {
        if pointer.isEmpty { return [] }
        guard pointer.first == "/" else { return nil }
        return pointer.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            String($0).replacing("~1", with: "/").replacing("~0", with: "~")
        }
    }

    private static func find(_ document: JSONValue, _ path: [String]) -> JSONValue? {
        var value = document
        for step in path {
            guard let next = value.array != nil ? Int(step).flatMap({ value[$0] }) : value[step] else { return nil }
            value = next
        }
        return value
    }

    private enum Edit {
        case add(JSONValue)
        case replace(JSONValue)
        case remove
    }

    private static func edit(_ value: inout JSONValue, _ path: ArraySlice<String>, _ edit: Edit) -> String? {
        guard let step = path.first else {
            switch edit {
            case .add(let new), .replace(let new): value = new
            case .remove: value = .null
            }
            return nil
        }
        switch value {
        case .object(var object):
            if path.count > 1 {
                guard var member = object[step] else { return "\(step): does not exist" }
                let fault = self.edit(&member, path.dropFirst(), edit)
                object[step] = member
                value = .object(object)
                return fault
            }
            switch edit {
            case .add(let new): object[step] = new
            case .replace(let new):
                guard object[step] != nil else {
                    return "replace operation does not apply: doc is missing key: \(step)"
                }
                object[step] = new
            case .remove:
                guard object.removeValue(forKey: step) != nil else {
                    return "remove operation does not apply: doc is missing path: \(step)"
                }
            }
            value = .object(object)
            return nil
        case .array(var array):
            let fault = editArray(&array, step, path, edit)
            value = .array(array)
            return fault
        case .null, .bool, .integer, .number, .string: return "\(step): parent is not a collection"
        }
    }

    private static func editArray(
        _ array: inout [JSONValue],
        _ step: String,
        _ path: ArraySlice<String>,
        _ edit: Edit
    ) -> String? {
        let isLast = path.count == 1
        if step == "-", isLast, case .add(let new) = edit {
            array.append(new)
            return nil
        }
        guard let index = Int(step), index >= 0, index < array.count || (index == array.count && isLast) else {
            return "invalid index \(step)"
        }
        if !isLast { return self.edit(&array[index], path.dropFirst(), edit) }
        switch edit {
        case .add(let new): array.insert(new, at: index)
        case .replace(let new) where index < array.count: array[index] = new
        case .remove where index < array.count: array.remove(at: index)
        case .replace, .remove: return "invalid index \(step)"
        }
        return nil
    }
}
