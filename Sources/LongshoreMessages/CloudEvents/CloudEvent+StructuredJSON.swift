package import WireFormats

// The JSON event format of CloudEvents 1.0: the whole event as one JSON object. Webhooks carry it, so that a signature over
// the body covers every attribute.
extension CloudEvent {
    /// The event as one JSON object. The same event is always the same text.
    package var structuredJSON: JSONValue {
        var json: JSONValue = [
            "specversion": .string(Self.specVersion), "id": .string(id), "source": .string(source),
            "type": .string(type),
        ]
        if let subject { json["subject"] = .string(subject) }
        if let time { json["time"] = .string(time.rfc3339) }
        if let dataContentType { json["datacontenttype"] = .string(dataContentType) }
        if let dataSchema { json["dataschema"] = .string(dataSchema) }
        for (name, value) in extensions.sorted(by: { $0.key < $1.key }) { json[name] = .string(value) }
        if let data { json["data"] = data }
        return json
    }

    /// The event as a record in structured mode.
    ///
    /// - Parameters:
    ///   - topic: the topic.
    ///   - key: the record's key; nil for the extension `partitionkey` where there is one.
    /// - Returns: the record.
    package func structuredKafkaRecord(topic: String, key: String? = nil) -> MessageRecord {
        MessageRecord(
            topic: topic,
            key: (key ?? extensions["partitionkey"]).map { Array($0.utf8) },
            value: structuredJSON.serialized(),
            headers: [MessageHeader(name: "content-type", text: "\(Self.structuredContentType); charset=UTF-8")]
        )
    }

    /// Reads an event that is one JSON object.
    ///
    /// - Parameter json: the object.
    /// - Throws: `CloudEventError`.
    package init(structuredJSON json: JSONValue) throws(CloudEventError) {
        guard let object = json.object else {
            throw CloudEventError(.notACloudEvent, message: "expected an object, found \(json.kindName)")
        }
        var attributes = Attributes()
        for (name, value) in object where name != "data" && name != "data_base64" && !value.isNull {
            guard Self.isAttributeName(name) else {
                throw CloudEventError(.invalidAttribute, message: "a member's name is not that of an attribute")
            }
            _ = attributes.set(name, try Self.text(of: value, attribute: name))
        }
        let data = try Self.data(of: object, contentType: attributes.dataContentType)
        try self.init(attributes: attributes, data: data)
    }

    /// The text form of an attribute; booleans and integers have one (CloudEvents §3.1).
    private static func text(of value: JSONValue, attribute: String) throws(CloudEventError) -> String {
        switch value {
        case .string(let text):
            guard text.utf8.count <= maximumAttributeBytes else {
                throw CloudEventError(
                    .invalidAttribute,
                    place: attribute,
                    message: "expected at most \(maximumAttributeBytes) bytes"
                )
            }
            return text
        case .bool(let flag) where !contextAttributes.contains(attribute):
            return flag ? "true" : "false"
        case .integer(let number) where !contextAttributes.contains(attribute):
            return String(number)
        case .null, .bool, .integer, .number, .array, .object:
            throw CloudEventError(.invalidAttribute, place: attribute, message: "expected a string")
        }
    }

    private static func data(of object: JSONObject, contentType: String?) throws(CloudEventError) -> JSONValue? {
        let encoded = object["data_base64"] ?? .null
        guard !encoded.isNull || object["data"] != nil else { return nil }
        guard isJSON(contentType: contentType) else {
            throw CloudEventError(.unsupportedContentType, place: "datacontenttype", message: "the data must be JSON")
        }
        guard !encoded.isNull else { return object["data"] }
        guard object["data"] == nil else {
            throw CloudEventError(.invalidAttribute, place: "data_base64", message: "both data and data_base64")
        }
        guard let text = encoded.string, let bytes = Base64.decode(text) else {
            throw CloudEventError(.invalidAttribute, place: "data_base64", message: "expected base64")
        }
        return try parse(bytes)
    }
}
