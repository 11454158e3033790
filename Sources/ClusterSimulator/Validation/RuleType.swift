import WireFormats

/// The type of a value as rules see it, made from a schema as `apiserver/pkg/cel/common.SchemaDeclType` makes it: what has no
/// type there, such as a list whose elements have none, is no field for a rule.
indirect enum RuleType: Sendable {
    case dynamic
    case scalar(String)
    case list(RuleType)
    case map(RuleType)
    case object([String: RuleType])

    /// The type of a schema's values; nil for those that rules cannot reach.
    init?(_ schema: StructuralSchema) {
        let node = schema.node
        if node.isIntOrString {
            self = .dynamic
            return
        }
        switch node.type {
        case "array":
            guard let items = node.items.flatMap(RuleType.init) else { return nil }
            self = .list(items)
        case "object":
            if let additional = node.additionalProperties {
                guard let values = RuleType(additional) else { return nil }
                self = .map(values)
                return
            }
            var fields: [String: RuleType] = [:]
            for (name, property) in node.properties { fields[name] = RuleType(property) }
            self = .object(fields)
        case "string": self = .scalar("string")
        case "boolean": self = .scalar("bool")
        case "integer": self = .scalar("int")
        case "number": self = .scalar("double")
        default: return nil
        }
    }

    /// The type's name in messages.
    var name: String {
        switch self {
        case .dynamic: "dyn"
        case .scalar(let name): name
        case .list(let element): "list(\(element.name))"
        case .map(let value): "map(string, \(value.name))"
        case .object: "object"
        }
    }

    /// Whether a value of this type can be compared with one of another.
    func isComparable(with other: RuleType) -> Bool {
        switch (self, other) {
        case (.dynamic, _), (_, .dynamic): true
        case (.scalar(let first), .scalar(let second)): first == second
        case (.list(let first), .list(let second)), (.map(let first), .map(let second)):
            first.isComparable(with: second)
        case (.object, .object): true
        case (.scalar, _), (.list, _), (.map, _), (.object, _): false
        }
    }
}

extension RuleExpression {
    /// The type of what the expression gives.
    ///
    /// - Parameter names: The types of the names that may stand in it.
    /// - Returns: The type, `dyn` where only the value tells it.
    /// - Throws: `Fault` for a name or a field that is not there, and for operands that do not go together.
    func type(_ names: [String: RuleType]) throws(Fault) -> RuleType {
        switch self {
        case .literal(let value): return Self.type(of: value)
        case .name(let name):
            guard let type = names[name] else {
                throw Fault(message: "undeclared reference to '\(name)' (in container '')")
            }
            return type
        case .member(let inner, let field): return try Self.field(field, of: inner.type(names))
        case .has(let inner, let field):
            _ = try Self.field(field, of: inner.type(names))
            return .scalar("bool")
        case .index(let inner, let position):
            _ = try position.type(names)
            switch try inner.type(names) {
            case .list(let element), .map(let element): return element
            case .dynamic: return .dynamic
            case let other: throw Self.overload("_[_]", [other])
            }
        case .list(let elements):
            for element in elements { _ = try element.type(names) }
            return .list(.dynamic)
        case .not(let inner): return try Self.truth([inner], names)
        case .negative(let inner): return try inner.type(names)
        case .both(let left, let right), .either(let left, let right): return try Self.truth([left, right], names)
        case .binary(let sign, let left, let right): return try Self.type(sign, left.type(names), right.type(names))
        case .choice(let condition, let left, let right):
            _ = try Self.truth([condition], names)
            _ = try right.type(names)
            return try left.type(names)
        case .size(let inner):
            _ = try inner.type(names)
            return .scalar("int")
        case .text(_, let target, let argument):
            _ = (try target.type(names), try argument.type(names))
            return .scalar("bool")
        case .every(_, let range, let variable, let body):
            var inner = names
            switch try range.type(names) {
            case .list(let element): inner[variable] = element
            case .map: inner[variable] = .scalar("string")
            case .dynamic: inner[variable] = .dynamic
            case let other:
                throw Fault(message: "expression of type '\(other.name)' cannot be range of a comprehension")
            }
            return try Self.truth([body], inner)
        }
    }

    private static func type(of value: JSONValue) -> RuleType {
        switch value {
        case .bool: .scalar("bool")
        case .integer: .scalar("int")
        case .number: .scalar("double")
        case .string: .scalar("string")
        case .null, .array, .object: .dynamic
        }
    }

    private static func truth(_ parts: [RuleExpression], _ names: [String: RuleType]) throws(Fault) -> RuleType {
        for part in parts {
            let type = try part.type(names)
            guard type.isComparable(with: .scalar("bool")) else {
                throw Fault(message: "expected type 'bool' but found '\(type.name)'")
            }
        }
        return .scalar("bool")
    }

    private static func field(_ field: String, of type: RuleType) throws(Fault) -> RuleType {
        switch type {
        case .dynamic: return .dynamic
        case .map(let value): return value
        case .object(let fields):
            guard let type = fields[field] else { throw Fault(message: "undefined field '\(field)'") }
            return type
        case .scalar, .list:
            throw Fault(message: "type '\(type.name)' does not support field selection")
        }
    }

    private static func type(_ sign: Operator, _ left: RuleType, _ right: RuleType) throws(Fault) -> RuleType {
        switch sign {
        case .contained: return .scalar("bool")
        case .plus, .minus:
            guard left.isComparable(with: right) else { throw overload("_\(sign.rawValue)_", [left, right]) }
            return left
        case .equal, .unequal, .less, .lessOrEqual, .greater, .greaterOrEqual:
            guard left.isComparable(with: right) else { throw overload("_\(sign.rawValue)_", [left, right]) }
            return .scalar("bool")
        }
    }

    private static func overload(_ name: String, _ operands: [RuleType]) -> Fault {
        let types = operands.map(\.name).joined(separator: ", ")
        return Fault(message: "found no matching overload for '\(name)' applied to '(\(types))'")
    }
}
