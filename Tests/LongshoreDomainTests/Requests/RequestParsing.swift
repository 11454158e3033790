import LongshoreDomain
import Testing
import WireFormats

/// Parses a request and gives its faults as `pointer code`, in order.
func faults(
    _ json: JSONValue,
    channel: RequestChannel = .http,
    defaults: RequestDefaults = RequestDefaults()
) -> [String] {
    do {
        _ = try TaskRequest.parse(json, channel: channel, defaults: defaults)
        return []
    } catch {
        return error.faults.map { "\($0.pointer) \($0.code)" }
    }
}

/// Parses the JSON text of a request and gives its faults.
func faults(text: String, channel: RequestChannel = .http) throws -> [String] {
    faults(try JSONValue(parsing: Array(text.utf8)), channel: channel)
}

/// Parses the JSON text of a request that is expected to be right.
func request(_ text: String, channel: RequestChannel = .http) throws -> TaskRequest {
    try TaskRequest.parse(try JSONValue(parsing: Array(text.utf8)), channel: channel)
}

/// The faults of a request for one public image with one more field.
func faults(_ field: String, _ value: JSONValue, channel: RequestChannel = .http) -> [String] {
    faults(["images": ["nginx:1"], "\(field)": value], channel: channel)
}
