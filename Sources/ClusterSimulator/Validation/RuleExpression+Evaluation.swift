import WireFormats

extension RuleExpression {
    /// What the expression gives.
    ///
    /// - Parameter names: The values of the names that stand in it.
    /// - Returns: A value of JSON, which has all that CEL has here.
    /// - Throws: `Fault` for an error of the evaluation, such as a field that is not there.
    func value(_ names: [String: JSONValue]) throws(Fault) -> JSONValue {
        switch self {
        case .literal(let value): return value
        case .name(let name):
            guard let value = names[name] else { throw Fault(message: "no such attribute(s): \(name)") }
            return value
        case .member(let inner, let key):
            guard let member = try inner.value(names)[key] else { throw Fault(message: "no such key: \(key)") }
            return member
        case .has(let inner, let key): return .bool(try inner.value(names)[key] != nil)
        case .index(let inner, let position): return try Self.element(inner.value(names), position.value(names))
        case .list(let elements): return .array(try Self.values(elements, names))
        case .not(let inner): return .bool(!(try inner.truth(names)))
        case .negative(let inner): return try Self.sum(.integer(0), inner.value(names), sign: -1)
        case .both(let left, let right): return .bool(try Self.joined(left, right, names, decidedBy: false))
        case .either(let left, let right): return .bool(try Self.joined(left, right, names, decidedBy: true))
        case .binary(let sign, let left, let right): return try Self.apply(sign, left.value(names), right.value(names))
        case .choice(let condition, let left, let right):
            return try condition.truth(names) ? try left.value(names) : try right.value(names)
        case .size(let inner): return .integer(Int64(try Self.size(inner.value(names))))
        case .text(let function, let target, let argument):
            return .bool(try Self.apply(function, target.value(names), argument.value(names)))
        case .every(let quantifier, let range, let variable, let body):
            return .bool(try Self.apply(quantifier, range.value(names), variable, body, names))
        }
    }

    /// The value as a truth value.
    func truth(_ names: [String: JSONValue]) throws(Fault) -> Bool {
        guard let truth = try value(names).bool else { throw Fault(message: "no such overload") }
        return truth
    }

    /// `&&` and `||`: an error on one side does not matter where the other side decides.
    private static func joined(
        _ left: RuleExpression,
        _ right: RuleExpression,
        _ names: [String: JSONValue],
        decidedBy deciding: Bool
    ) throws(Fault) -> Bool {
        do throws(Fault) {
            if try left.truth(names) == deciding { return deciding }
        } catch {
            if let other = try? right.truth(names), other == deciding { return deciding }
            throw error
        }
        return try right.truth(names)
    }

    private static func values(
        _ expressions: [RuleExpression],
        _ names: [String: JSONValue]
    ) throws(Fault) -> [JSONValue] {
        var result: [JSONValue] = []
        for expression in expressions { result.append(try expression.value(names)) }
        return result
    }

    private static func element(_ container: JSONValue, _ position: JSONValue) throws(Fault) -> JSONValue {
        if let array = container.array, let index = position.integer {
            guard array.indices.contains(index) else { throw Fault(message: "index out of bounds: \(index)") }
            return array[index]
        }
        guard let key = position.string, container.object != nil else { throw Fault(message: "no such overload") }
        guard let member = container[key] else { throw Fault(message: "no such key: \(key)") }
        return member
    }

    private static func size(_ value: JSONValue) throws(Fault) -> Int {
        switch value {
        case .array(let array): array.count
        case .object(let object): object.count
        case .string(let text): text.unicodeScalars.count
        case .null, .bool, .integer, .number: throw Fault(message: "no such overload")
        }
    }

    private static func sum(_ left: JSONValue, _ right: JSONValue, sign: Int64) throws(Fault) -> JSONValue {
        switch (left, right) {
        case (.integer(let first), .integer(let second)):
            let product = second.multipliedReportingOverflow(by: sign)
            let result = first.addingReportingOverflow(product.partialValue)
            guard !product.overflow, !result.overflow else { throw Fault(message: "integer overflow") }
            return .integer(result.partialValue)
        case (.string(let first), .string(let second)) where sign > 0: return .string(first + second)
        case (.array(let first), .array(let second)) where sign > 0: return .array(first + second)
        default:
            guard let first = left.double, let second = right.double else { throw Fault(message: "no such overload") }
            return .number(first + Double(sign) * second)
        }
    }

    private static func apply(_ sign: Operator, _ left: JSONValue, _ right: JSONValue) throws(Fault) -> JSONValue {
        switch sign {
        case .equal: return .bool(isEqual(left, right))
        case .unequal: return .bool(!isEqual(left, right))
        case .plus: return try sum(left, right, sign: 1)
        case .minus: return try sum(left, right, sign: -1)
        case .contained:
            if let array = right.array { return .bool(array.contains { isEqual($0, left) }) }
            guard let object = right.object, let key = left.string else { throw Fault(message: "no such overload") }
            return .bool(object[key] != nil)
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return .bool(try isOrdered(sign, left, right))
        }
    }

    private static func isOrdered(_ sign: Operator, _ left: JSONValue, _ right: JSONValue) throws(Fault) -> Bool {
        func holds<Value: Comparable>(_ first: Value, _ second: Value) -> Bool {
            switch sign {
            case .less: first < second
            case .lessOrEqual: first <= second
            case .greater: first > second
            default: first >= second
            }
        }
        if case .integer(let first) = left, case .integer(let second) = right { return holds(first, second) }
        if let first = left.double, let second = right.double { return holds(first, second) }
        if let first = left.string, let second = right.string { return holds(first, second) }
        throw Fault(message: "no such overload")
    }

    /// Numbers are equal by value; lists in order, objects whatever the order of their fields.
    static func isEqual(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left, right) {
        case (.integer(let first), .integer(let second)): return first == second
        case (.array(let first), .array(let second)):
            return first.count == second.count && zip(first, second).allSatisfy { isEqual($0, $1) }
        case (.object(let first), .object(let second)):
            return first.count == second.count
                && first.allSatisfy { key, value in second[key].map { isEqual(value, $0) } ?? false }
        default:
            if let first = left.double, let second = right.double { return first == second }
            return left == right
        }
    }

    private static func apply(
        _ function: TextFunction,
        _ target: JSONValue,
        _ argument: JSONValue
    ) throws(Fault) -> Bool {
        guard let text = target.string, let part = argument.string else { throw Fault(message: "no such overload") }
        switch function {
        case .startsWith: return text.hasPrefix(part)
        case .endsWith: return text.hasSuffix(part)
        case .contains: return text.contains(part)
        case .matches:
            guard let pattern = SchemaPattern(part) else { throw Fault(message: "invalid pattern '\(part)'") }
            return pattern.matches(text)
        }
    }

    private static func apply(
        _ quantifier: Quantifier,
        _ range: JSONValue,
        _ variable: String,
        _ body: RuleExpression,
        _ names: [String: JSONValue]
    ) throws(Fault) -> Bool {
        guard let elements = range.array ?? range.object?.keys.map(JSONValue.string) else {
            throw Fault(message: "no such overload")
        }
        var matching = 0
        var fault: Fault?
        for element in elements {
            var inner = names
            inner[variable] = element
            do throws(Fault) {
                let holds = try body.truth(inner)
                if holds { matching += 1 }
                if quantifier == .all, !holds { return false }
                if quantifier == .exists, holds { return true }
            } catch {
                fault = fault ?? error
            }
        }
        if let fault { throw fault }
        switch quantifier {
        case .all: return true
        case .exists: return false
        case .existsOne: return matching == 1
        }
    }
}
