package import WireFormats

/// A CloudEvent 1.0 with JSON data: what every message of Longshore is.
package struct CloudEvent: Sendable, Hashable {
    /// Identifies the event within its source; the same happening has the same one however often it is sent.
    package var id: String
    /// Where it happened, a URI reference.
    package var source: String
    /// What kind of happening it was.
    package var type: String
    /// What it was about.
    package var subject: String?
    /// When it happened.
    package var time: Timestamp?
    /// The media type of the data; nil means JSON.
    package var dataContentType: String?
    /// The schema that the data follows, a URI.
    package var dataSchema: String?
    /// Extension attributes: names of lower-case letters and digits.
    package var extensions: [String: String]
    /// The data; nil when there is none.
    package var data: JSONValue?

    /// The version of the specification.
    package static let specVersion = "1.0"
    /// The media type of the data.
    package static let jsonContentType = "application/json"
    /// The media type of an event in structured mode.
    package static let structuredContentType = "application/cloudevents+json"

    /// Makes an event.
    package init(
        id: String,
        source: String,
        type: String,
        subject: String? = nil,
        time: Timestamp? = nil,
        dataContentType: String? = CloudEvent.jsonContentType,
        dataSchema: String? = nil,
        extensions: [String: String] = [:],
        data: JSONValue? = nil
    ) {
        self.id = id
        self.source = source
        self.type = type
        self.subject = subject
        self.time = time
        self.dataContentType = dataContentType
        self.dataSchema = dataSchema
        self.extensions = extensions
        self.data = data
    }

    /// The type as one of Longshore's own, nil for any other.
    package var eventType: EventType? { EventType(rawValue: type) }

    /// Whether a media type is JSON: `application/json`, `…+json`, or none at all.
    static func isJSON(contentType: String?) -> Bool {
        guard let contentType, contentType != jsonContentType else { return true }
        let essence = contentType.prefix { $0 != ";" }.lowercased()
        let trimmed = essence.filter { $0 != " " && $0 != "\t" }
        return trimmed == "application/json" || trimmed == "text/json" || trimmed.hasSuffix("+json")
    }

    /// Whether a name can be that of an attribute: 1 to 64 lower-case letters and digits.
    static func isAttributeName(_ name: String) -> Bool {
        1...64 ~= name.utf8.count
            && name.utf8.allSatisfy {
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
            }
    }

    static let contextAttributes: Set<String> = [
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema",
    ]

    /// Attributes in their text form, as they are read. Those of the specification have places of their own, because a
    /// dictionary of them was a quarter of what reading an event cost.
    struct Attributes {
        var specVersion: String?
        var id: String?
        var source: String?
        var type: String?
        var subject: String?
        var time: String?
        var dataContentType: String?
        var dataSchema: String?
        var extensions = [String: String](minimumCapacity: 4)

        /// Sets an attribute; says whether it was not there yet.
        mutating func set(_ name: String, _ value: String) -> Bool {
            func isNew(_ place: inout String?) -> Bool {
                defer { place = value }
                return place == nil
            }
            return switch name {
            case "specversion": isNew(&specVersion)
            case "id": isNew(&id)
            case "source": isNew(&source)
            case "type": isNew(&type)
            case "subject": isNew(&subject)
            case "time": isNew(&time)
            case "datacontenttype": isNew(&dataContentType)
            case "dataschema": isNew(&dataSchema)
            default: extensions.updateValue(value, forKey: name) == nil
            }
        }
    }

    /// Builds an event from attributes in their text form, checking the required ones.
    init(attributes: Attributes, data: JSONValue?) throws(CloudEventError) {
        func required(_ name: String, _ value: String?) throws(CloudEventError) -> String {
            guard let value, !value.isEmpty else {
                throw CloudEventError(.missingAttribute, place: name, message: "\(name) is required")
            }
            return value
        }
        guard try required("specversion", attributes.specVersion) == Self.specVersion else {
            throw CloudEventError(.unsupportedVersion, place: "specversion", message: "only 1.0 is supported")
        }
        id = try required("id", attributes.id)
        source = try required("source", attributes.source)
        type = try required("type", attributes.type)
        subject = attributes.subject
        if let text = attributes.time {
            guard let time = Timestamp(rfc3339: text) else {
                throw CloudEventError(.invalidAttribute, place: "time", message: "expected an RFC 3339 time")
            }
            self.time = time
        }
        dataContentType = attributes.dataContentType
        dataSchema = attributes.dataSchema
        extensions = attributes.extensions
        self.data = data
    }
}
