import WireFormats

/// One fault of an object, worded as `k8s.io/apimachinery/pkg/util/validation/field` words it.
struct FieldError: Sendable, Equatable, CustomStringConvertible {
    enum Kind: Sendable, Equatable {
        case required
        case invalid(String)
        case typeInvalid(String)
        case notSupported(String)
        case duplicate(String)
        case forbidden
        case notFound(String)
        case tooLong(String)
        case tooMany(String)
    }

    var path: String
    var kind: Kind
    var detail: String

    static func required(_ path: String, _ detail: String = "") -> FieldError {
        FieldError(path: path, kind: .required, detail: detail)
    }

    static func invalid(_ path: String, _ value: JSONValue, _ detail: String) -> FieldError {
        FieldError(path: path, kind: .invalid(value.text()), detail: detail)
    }

    static func notSupported(_ path: String, _ value: JSONValue, _ supported: [String]) -> FieldError {
        let list = supported.map { "\"\($0)\"" }.joined(separator: ", ")
        return FieldError(path: path, kind: .notSupported(value.text()), detail: "supported values: \(list)")
    }

    static func forbidden(_ path: String, _ detail: String) -> FieldError {
        FieldError(path: path, kind: .forbidden, detail: detail)
    }

    static func notFound(_ path: String, _ value: JSONValue) -> FieldError {
        FieldError(path: path, kind: .notFound(value.text()), detail: "")
    }

    static func duplicate(_ path: String, _ value: JSONValue) -> FieldError {
        FieldError(path: path, kind: .duplicate(value.text()), detail: "")
    }

    /// The text behind the path: what kind of fault, the value, and the detail.
    var body: String {
        let prefix =
            switch kind {
            case .required: "Required value"
            case .invalid(let value), .typeInvalid(let value): "Invalid value: \(value)"
            case .notSupported(let value): "Unsupported value: \(value)"
            case .duplicate(let value): "Duplicate value: \(value)"
            case .forbidden: "Forbidden"
            case .notFound(let value): "Not found: \(value)"
            case .tooLong(let value): "Too long: \(value)"
            case .tooMany(let value): "Too many: \(value)"
            }
        return detail.isEmpty ? prefix : "\(prefix): \(detail)"
    }

    var description: String { "\(path): \(body)" }

    /// The cause in the details of a Status.
    var cause: JSONValue {
        let reason =
            switch kind {
            case .required: "FieldValueRequired"
            case .invalid: "FieldValueInvalid"
            case .typeInvalid: "FieldValueTypeInvalid"
            case .notSupported: "FieldValueNotSupported"
            case .duplicate: "FieldValueDuplicate"
            case .forbidden: "FieldValueForbidden"
            case .notFound: "FieldValueNotFound"
            case .tooLong: "FieldValueTooLong"
            case .tooMany: "FieldValueTooMany"
            }
        return ["reason": .string(reason), "message": .string(body), "field": .string(path)]
    }
}
