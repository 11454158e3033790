import WireFormats

/// An expression of a validation rule: the part of the Common Expression Language that rules of schemas are made of.
///
/// What is not understood here is refused when the definition is made, never passed over: a rule that a real API server
/// holds to must not be one that this one forgets. Source: the CEL specification and `apiextensions-apiserver`.
indirect enum RuleExpression: Sendable, Hashable {
    case literal(JSONValue)
    case name(String)
    case member(RuleExpression, String)
    case has(RuleExpression, String)
    case index(RuleExpression, RuleExpression)
    case list([RuleExpression])
    case not(RuleExpression)
    case negative(RuleExpression)
    case both(RuleExpression, RuleExpression)
    case either(RuleExpression, RuleExpression)
    case binary(Operator, RuleExpression, RuleExpression)
    case choice(RuleExpression, RuleExpression, RuleExpression)
    case size(RuleExpression)
    case text(TextFunction, RuleExpression, RuleExpression)
    case every(Quantifier, RuleExpression, String, RuleExpression)

    /// An operator between two values.
    enum Operator: String, Sendable, CaseIterable {
        case equal = "=="
        case unequal = "!="
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case less = "<"
        case greater = ">"
        case plus = "+"
        case minus = "-"
        case contained = "in"
    }

    /// A function of texts.
    enum TextFunction: String, Sendable {
        case startsWith
        case endsWith
        case contains
        case matches
    }

    /// A macro over the elements of a list or the keys of a map.
    enum Quantifier: String, Sendable {
        case all
        case exists
        case existsOne = "exists_one"
    }

    /// Why an expression is no rule.
    struct Fault: Error, Equatable {
        var message: String
    }

    /// Whether a name stands anywhere in it: a rule that names `oldSelf` is one about changes.
    func mentions(_ wanted: String) -> Bool {
        switch self {
        case .literal: false
        case .name(let name): name == wanted
        case .member(let inner, _), .has(let inner, _), .not(let inner), .negative(let inner), .size(let inner):
            inner.mentions(wanted)
        case .index(let left, let right), .both(let left, let right), .either(let left, let right),
            .binary(_, let left, let right), .text(_, let left, let right), .every(_, let left, _, let right):
            left.mentions(wanted) || right.mentions(wanted)
        case .list(let elements): elements.contains { $0.mentions(wanted) }
        case .choice(let condition, let left, let right):
            condition.mentions(wanted) || left.mentions(wanted) || right.mentions(wanted)
        }
    }
}

// MARK: - Parsing

extension RuleExpression {
    /// Reads a rule.
    ///
    /// - Parameter text: The rule.
    /// - Throws: `Fault` for what is no CEL, and for CEL that is not understood here.
    init(parsing text: String) throws(Fault) {
        var parser = RuleParser(tokens: try RuleToken.tokens(text))
        self = try parser.choice()
        guard parser.isAtEnd else { throw parser.unexpected() }
    }
}

/// A word of a rule.
enum RuleToken: Sendable, Hashable {
    case name(String)
    case literal(JSONValue)
    case symbol(String)

    private static let symbols = [
        "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ".", ",", "?", ":", "+", "-",
    ]

    static func tokens(_ text: String) throws(RuleExpression.Fault) -> [RuleToken] {
        var tokens: [RuleToken] = []
        var rest = Substring(text)
        while let first = rest.first {
            if first.isWhitespace {
                rest.removeFirst()
            } else if first == "\"" || first == "'" {
                tokens.append(.literal(.string(try quoted(&rest))))
            } else if first.isNumber {
                tokens.append(.literal(try number(&rest)))
            } else if first.isLetter || first == "_" {
                let word = String(rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
                rest.removeFirst(word.count)
                tokens.append(["in"].contains(word) ? .symbol(word) : constant(word) ?? .name(word))
            } else if let symbol = symbols.first(where: { rest.hasPrefix($0) }) {
                rest.removeFirst(symbol.count)
                tokens.append(.symbol(symbol))
            } else {
                throw RuleExpression.Fault(message: "Syntax error: token recognition error at: '\(first)'")
            }
        }
        return tokens
    }

    private static func constant(_ word: String) -> RuleToken? {
        switch word {
        case "true": .literal(true)
        case "false": .literal(false)
        case "null": .literal(.null)
        default: nil
        }
    }

    private static func number(_ rest: inout Substring) throws(RuleExpression.Fault) -> JSONValue {
        let digits = String(rest.prefix { $0.isNumber || $0 == "." })
        rest.removeFirst(digits.count)
        if let whole = Int64(digits) { return .integer(whole) }
        guard let number = Double(digits), rest.first?.isLetter != true else {
            throw RuleExpression.Fault(message: "unsupported number '\(digits)'")
        }
        return .number(number)
    }

    private static func quoted(_ rest: inout Substring) throws(RuleExpression.Fault) -> String {
        let quote = rest.removeFirst()
        var result = ""
        while let character = rest.popFirst() {
            if character == quote { return result }
            guard character == "\\" else {
                result.append(character)
                continue
            }
            switch rest.popFirst() {
            case "n": result.append("\n")
            case "t": result.append("\t")
            case .some(let escaped) where ["\\", "\"", "'"].contains(escaped): result.append(escaped)
            default: throw RuleExpression.Fault(message: "unsupported escape in a string literal")
            }
        }
        throw RuleExpression.Fault(message: "Syntax error: a string literal does not end")
    }
}

/// Reads expressions by precedence, the weakest operator first.
private struct RuleParser {
    typealias Fault = RuleExpression.Fault

    let tokens: [RuleToken]
    var position = 0

    init(tokens: [RuleToken]) { self.tokens = tokens }

    var isAtEnd: Bool { position == tokens.count }

    func unexpected() -> Fault {
        guard position < tokens.count else { return Fault(message: "Syntax error: mismatched input '<EOF>'") }
        switch tokens[position] {
        case .name(let text), .symbol(let text): return Fault(message: "Syntax error: extraneous input '\(text)'")
        case .literal(let value): return Fault(message: "Syntax error: extraneous input '\(value.text())'")
        }
    }

    private mutating func take(_ symbol: String) -> Bool {
        guard position < tokens.count, tokens[position] == .symbol(symbol) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ symbol: String) throws(Fault) {
        guard take(symbol) else { throw unexpected() }
    }

    private mutating func word() throws(Fault) -> String {
        guard position < tokens.count, case .name(let text) = tokens[position] else { throw unexpected() }
        position += 1
        return text
    }

    mutating func choice() throws(Fault) -> RuleExpression {
        let condition = try either()
        guard take("?") else { return condition }
        let left = try either()
        try expect(":")
        return .choice(condition, left, try choice())
    }

    private mutating func either() throws(Fault) -> RuleExpression {
        var left = try both()
        while take("||") { left = .either(left, try both()) }
        return left
    }

    private mutating func both() throws(Fault) -> RuleExpression {
        var left = try relation()
        while take("&&") { left = .both(left, try relation()) }
        return left
    }

    private mutating func relation() throws(Fault) -> RuleExpression {
        var left = try sum()
        while let sign = RuleExpression.Operator.allCases.first(where: {
            $0 != .plus && $0 != .minus && take($0.rawValue)
        }) {
            left = .binary(sign, left, try sum())
        }
        return left
    }

    private mutating func sum() throws(Fault) -> RuleExpression {
        var left = try unary()
        while true {
            if take("+") {
                left = .binary(.plus, left, try unary())
            } else if take("-") {
                left = .binary(.minus, left, try unary())
            } else {
                return left
            }
        }
    }

    private mutating func unary() throws(Fault) -> RuleExpression {
        if take("!") { return .not(try unary()) }
        if take("-") { return .negative(try unary()) }
        var result = try primary()
        while true {
            if take(".") {
                let name = try word()
                result = take("(") ? try method(name, of: result) : .member(result, name)
            } else if take("[") {
                result = .index(result, try choice())
                try expect("]")
            } else {
                return result
            }
        }
    }

    private mutating func primary() throws(Fault) -> RuleExpression {
        if take("(") {
            let inner = try choice()
            try expect(")")
            return inner
        }
        if take("[") { return .list(try arguments(until: "]")) }
        if position < tokens.count, case .literal(let value) = tokens[position] {
            position += 1
            return .literal(value)
        }
        let name = try word()
        guard take("(") else { return .name(name) }
        let given = try arguments(until: ")")
        switch (name, given.count) {
        case ("has", 1):
            guard case .member(let object, let field) = given[0] else {
                throw Fault(message: "invalid argument to has() macro")
            }
            return .has(object, field)
        case ("size", 1): return .size(given[0])
        default: throw Fault(message: "undeclared reference to '\(name)' (not supported by this API server)")
        }
    }

    private mutating func arguments(until end: String) throws(Fault) -> [RuleExpression] {
        var result: [RuleExpression] = []
        if take(end) { return result }
        repeat { result.append(try choice()) } while take(",")
        try expect(end)
        return result
    }

    private mutating func method(_ name: String, of target: RuleExpression) throws(Fault) -> RuleExpression {
        let given = try arguments(until: ")")
        if let function = RuleExpression.TextFunction(rawValue: name), given.count == 1 {
            return .text(function, target, given[0])
        }
        if name == "size", given.isEmpty { return .size(target) }
        if let quantifier = RuleExpression.Quantifier(rawValue: name), given.count == 2,
            case .name(let variable) = given[0]
        {
            return .every(quantifier, target, variable, given[1])
        }
        throw Fault(message: "undeclared reference to '\(name)' (not supported by this API server)")
    }
}
