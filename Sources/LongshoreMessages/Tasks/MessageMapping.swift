import LongshoreDomain
import WireFormats

extension CloudEvent {
    /// The data, when the event is of a type.
    func data(of type: EventType) throws(CloudEventError) -> JSONValue {
        guard eventType == type else {
            throw CloudEventError(.wrongType, place: "type", message: "expected \(type.rawValue)")
        }
        guard let data else { throw CloudEventError(.invalidData, place: "data", message: "there is no data") }
        return data
    }
}

extension JSONValue {
    func requiredTaskID(_ key: String) throws(JSONMappingError) -> TaskID {
        guard let id = TaskID(try requiredString(key)) else { throw JSONMappingError(expected: "a task id").below(key) }
        return id
    }

    func optionalHex(_ key: String) throws(JSONMappingError) -> [UInt8]? {
        guard let text = try optionalString(key) else { return nil }
        guard let bytes = Hex.decode(text) else { throw JSONMappingError(expected: "hexadecimal digits").below(key) }
        return bytes
    }

    func requiredBase64(_ key: String) throws(JSONMappingError) -> [UInt8] {
        guard let bytes = Base64.decode(try requiredString(key)) else {
            throw JSONMappingError(expected: "base64").below(key)
        }
        return bytes
    }

    func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(JSONMappingError) -> Int? {
        guard let value = try optionalInteger(key) else { return nil }
        guard range.contains(value) else {
            throw JSONMappingError(expected: "\(range.lowerBound) to \(range.upperBound)").below(key)
        }
        return value
    }

    func requiredChoice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String
    ) throws(JSONMappingError) -> Choice {
        guard let choice = Choice(rawValue: try requiredString(key)) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw JSONMappingError(expected: "one of \(names)").below(key)
        }
        return choice
    }
}
