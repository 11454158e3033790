import HTTPTypes
import LongshoreDomain
import WireFormats

/// The query of a request's target, with a fault for every parameter that the endpoint does not have.
struct Query {
    private var values: [String: [String]] = [:]

    /// Reads a query.
    ///
    /// - Parameters:
    ///   - text: What stands behind the question mark.
    ///   - allowed: The parameters of the endpoint.
    /// - Throws: ``Problem`` with status 400.
    init(_ text: String?, allowed: Set<String>) throws(Problem) {
        var faults = RequestFaults()
        for part in (text ?? "").split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(pair[0]), allowed.contains(name) else {
                let names = allowed.sorted().joined(separator: ", ")
                faults.append(Self.fault("?", .unknownField, "the parameters here are: \(names)"))
                continue
            }
            guard let value = Self.decode(pair.count > 1 ? pair[1] : ""), value.utf8.count <= 2_048 else {
                faults.append(Self.fault(name, .invalidValue, "is not percent-encoded UTF-8 of at most 2048 bytes"))
                continue
            }
            values[name, default: []].append(value)
        }
        guard faults.isEmpty else { throw Self.problem(faults) }
    }

    /// All values of a parameter, those between commas counted as several when `split` is set.
    func all(_ name: String, split: Bool = false) -> [String] {
        let found = values[name] ?? []
        return split ? found.flatMap { $0.split(separator: ",").map(String.init) } : found
    }

    /// The last value of a parameter; nil when there is none or it is empty.
    func text(_ name: String) -> String? { values[name]?.last.flatMap { $0.isEmpty ? nil : $0 } }

    /// The number of items on a page.
    func limit(default standard: Int = 50, maximum: Int = 500) throws(Problem) -> Int {
        guard let text = text("limit") else { return standard }
        guard let limit = Int(text), (1...maximum).contains(limit) else {
            throw invalid("limit", "must be a whole number from 1 to \(maximum)")
        }
        return limit
    }

    /// Values that must each be one of an enumeration's.
    func choices<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) throws(Problem) -> [Choice] {
        var choices: [Choice] = []
        for text in all(name, split: true) {
            guard let choice = Choice(rawValue: text) else {
                throw invalid(name, "must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            choices.append(choice)
        }
        return choices
    }

    /// A problem with one parameter.
    func invalid(_ name: String, _ detail: String) -> Problem {
        Self.problem(RequestFaults([Self.fault(name, .invalidValue, detail)]))
    }

    private static func fault(_ name: String, _ kind: RequestFaultCode, _ detail: String) -> RequestFault {
        RequestFault(pointer: JSONPointer().appending("query").appending(name), kind: kind, detail: detail)
    }

    private static func problem(_ faults: RequestFaults) -> Problem {
        var problem = Problem(faults)
        problem.status = .badRequest
        problem.detail = "the query is wrong"
        return problem
    }

    /// Percent-decoding (RFC 3986); nil when an escape or the UTF-8 is wrong or a NUL is in it.
    static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next(), let low = rest.next(),
                let decoded = Hex.decode(String(decoding: [high, low], as: UTF8.self))
            else { return nil }
            bytes += decoded
        }
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
