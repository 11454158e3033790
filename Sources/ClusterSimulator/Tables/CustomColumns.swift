import WireFormats

/// The columns that a CustomResourceDefinition asks for with `additionalPrinterColumns`.
enum CustomColumns {
    static func columns(_ definitions: [JSONValue]) -> [TableColumn] {
        guard !definitions.isEmpty else { return [.name, .age] }
        return [.name] + definitions.map(column)
    }

    private static func column(_ json: JSONValue) -> TableColumn {
        let path = ColumnPath(json["jsonPath"]?.string ?? "")
        let type = json["type"]?.string ?? "string"
        return TableColumn(
            name: json["name"]?.string ?? "",
            type: type,
            format: json["format"]?.string ?? "",
            description: json["description"]?.string ?? "",
            priority: json["priority"]?.integer ?? 0
        ) { object, now in
            let values = path.values(in: object)
            guard let first = values.first, !first.isNull else { return .null }
            switch type {
            case "date":
                return .string(HumanDuration.since(first.string, now))
            case "integer": return first.integer.map { .integer(Int64($0)) } ?? .null
            case "number": return first.double.map { .number($0) } ?? .null
            case "boolean": return first.bool.map { .bool($0) } ?? .null
            default:
                return .string(values.map { $0.string ?? $0.text() }.joined(separator: " "))
            }
        }
    }
}

/// The part of JSONPath that printer columns use: members, indexes, `[*]`, and filters `[?(@.a=="b")]`.
struct ColumnPath: Sendable, Equatable {
    enum Step: Sendable, Equatable {
        case member(String)
        case index(Int)
        case every
        case filter(path: [String], value: String)
    }

    private(set) var steps: [Step] = []

    /// Reads a path; what cannot be read ends it.
    init(_ text: String) {
        var rest = text[...]
        if rest.first == "{", rest.last == "}" { rest = rest.dropFirst().dropLast() }
        while let first = rest.first {
            if first == "." {
                rest.removeFirst()
                let name = Self.takeName(&rest)
                if name == "*" { steps.append(.every) } else if !name.isEmpty { steps.append(.member(name)) }
            } else if first == "[", let close = Self.closingBracket(rest) {
                let inside = rest[rest.index(after: rest.startIndex)..<close]
                guard let step = Self.bracketStep(inside) else { return }
                steps.append(step)
                rest = rest[rest.index(after: close)...]
            } else {
                return
            }
        }
    }

    /// Takes a name up to the next unescaped dot or bracket.
    private static func takeName(_ text: inout Substring) -> String {
        var name = ""
        while let character = text.first, character != ".", character != "[" {
            text.removeFirst()
            if character == "\\", let escaped = text.popFirst() { name.append(escaped) } else { name.append(character) }
        }
        return name
    }

    private static func closingBracket(_ text: Substring) -> Substring.Index? {
        var quote: Character?
        for index in text.indices {
            let character = text[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == "]" {
                return index
            }
        }
        return nil
    }

    private static func bracketStep(_ inside: Substring) -> Step? {
        if inside == "*" { return .every }
        if let index = Int(inside) { return .index(index) }
        if let quote = inside.first, quote == "'" || quote == "\"" {
            return .member(String(inside.dropFirst().dropLast()).replacing("\\.", with: "."))
        }
        guard inside.hasPrefix("?(@."), inside.hasSuffix(")") else { return nil }
        let expression = inside.dropFirst(4).dropLast()
        let parts = expression.split(separator: "==", maxSplits: 1).map(\.trimmed)
        guard parts.count == 2 else { return nil }
        let value = parts[1].trimmingQuotes
        return .filter(path: parts[0].split(separator: ".").map(String.init), value: value)
    }

    /// Everything the path selects.
    func values(in root: JSONValue) -> [JSONValue] {
        var current = [root]
        for step in steps {
            current = current.flatMap { value -> [JSONValue] in
                switch step {
                case .member(let name): return value[name].map { [$0] } ?? []
                case .index(let index):
                    let count = value.array?.count ?? 0
                    return value[index < 0 ? count + index : index].map { [$0] } ?? []
                case .every: return value.array ?? value.object?.values ?? []
                case .filter(let path, let wanted):
                    return (value.array ?? []).filter { item in
                        let found = path.reduce(item) { $0[$1] ?? .null }
                        return (found.string ?? found.text()) == wanted
                    }
                }
            }
        }
        return current
    }
}

extension Substring {
    /// The text without one pair of quotes around it.
    var trimmingQuotes: String {
        guard count >= 2, let quote = first, quote == "\"" || quote == "'", last == quote else { return String(self) }
        return String(dropFirst().dropLast())
    }
}
