package import WireFormats
import Yams

/// YAML files as JSON values, by the rules that Kubernetes' own tools read them with.
package enum YAMLDocument {
    /// Reads a file of one document.
    ///
    /// - Throws: ``KubernetesError`` with reason `configuration` and the line of the fault.
    package static func parse(_ text: String) throws(KubernetesError) -> JSONValue {
        let documents = try parseAll(text)
        guard documents.count <= 1 else {
            throw KubernetesError(reason: .configuration, message: "the YAML has more than one document")
        }
        return documents.first ?? .null
    }

    /// Reads a file of any number of documents; empty ones are left out.
    package static func parseAll(_ text: String) throws(KubernetesError) -> [JSONValue] {
        var values: [JSONValue] = []
        var budget = maximumNodes
        do {
            var nodes = try Yams.compose_all(yaml: text, .basic)
            while let node = nodes.next() {
                let value = try convert(node, depth: 0, budget: &budget)
                if !value.isNull { values.append(value) }
            }
            // The sequence ends at a fault and keeps it here.
            if let error = nodes.error { throw error }
        } catch let error as KubernetesError {
            throw error
        } catch let error as YamlError {
            throw KubernetesError(reason: .configuration, message: place(of: error))
        } catch {
            throw KubernetesError(reason: .configuration, message: "the YAML cannot be read")
        }
        return values
    }

    /// Aliases can make a small file stand for a huge one; no file meant here has so many values.
    private static let maximumNodes = 1_000_000

    private static func convert(
        _ node: Yams.Node,
        depth: Int,
        budget: inout Int
    ) throws(KubernetesError) -> JSONValue {
        budget -= 1
        guard depth < 64, budget >= 0 else {
            throw KubernetesError(reason: .configuration, message: "the YAML is nested too deep or has too many values")
        }
        switch node {
        case .scalar(let scalar):
            return scalar.style == .plain ? plain(scalar.string) : .string(scalar.string)
        case .sequence(let sequence):
            var array: [JSONValue] = []
            for item in sequence { array.append(try convert(item, depth: depth + 1, budget: &budget)) }
            return .array(array)
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, value) in mapping {
                guard let key = key.scalar?.string else {
                    throw KubernetesError(reason: .configuration, message: "a key of the YAML is not text")
                }
                object[key] = try convert(value, depth: depth + 1, budget: &budget)
            }
            return .object(object)
        case .alias:
            throw KubernetesError(reason: .configuration, message: "the YAML has an alias that leads nowhere")
        }
    }

    /// A scalar without quotes, by YAML 1.1 as Kubernetes' tools read it: `0644` is octal, a file mode.
    private static func plain(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .bool(true)
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .bool(false)
        default: break
        }
        guard let first = text.utf8.first, first == 0x2D || first == 0x2B || (0x30...0x39).contains(first) else {
            return .string(text)
        }
        if first == 0x30, let octal = Int64(text, radix: 8) { return .integer(octal) }
        if let integer = Int64(text) { return .integer(integer) }
        let isNumber = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
        if isNumber, let number = Double(text), number.isFinite { return .number(number) }
        return .string(text)
    }

    /// The position of a fault; the text around it stays out, it may be a token.
    private static func place(of error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "the YAML cannot be read: \(problem) (line \(mark.line))"
        default: "the YAML cannot be read"
        }
    }
}
