import WireFormats

// The Kafka protocol binding of CloudEvents 1.0.
extension CloudEvent {
    /// The longest value of a record that is read, in bytes: what our own topics let through.
    package static let maximumValueBytes = 2 << 20
    private static let headerPrefix = "ce_"
    private static let contentTypeHeader = "content-type"
    /// The longest attribute that is read, in either mode: what is read in one is written in the other.
    static let maximumAttributeBytes = 4 << 10

    /// The event as a record in binary mode: attributes as `ce_…` headers, the data alone as the value.
    ///
    /// - Parameters:
    ///   - topic: the topic.
    ///   - key: the record's key; nil for the extension `partitionkey` where there is one.
    /// - Returns: the record. Headers are in a fixed order, so that the same event is always the same bytes.
    package func kafkaRecord(topic: String, key: String? = nil) -> MessageRecord {
        kafkaRecord(topic: topic, key: key, value: data?.serialized())
    }

    /// The record with a value that the data is written to already, or is going to be.
    func kafkaRecord(topic: String, key: String?, value: [UInt8]?) -> MessageRecord {
        var headers = [
            MessageHeader(name: "ce_specversion", text: Self.specVersion),
            MessageHeader(name: "ce_id", text: id),
            MessageHeader(name: "ce_source", text: source),
            MessageHeader(name: "ce_type", text: type),
        ]
        if let subject { headers.append(MessageHeader(name: "ce_subject", text: subject)) }
        if let time { headers.append(MessageHeader(name: "ce_time", text: time.rfc3339)) }
        if let dataSchema { headers.append(MessageHeader(name: "ce_dataschema", text: dataSchema)) }
        for (name, value) in extensions.sorted(by: { $0.key < $1.key }) {
            headers.append(MessageHeader(name: Self.headerPrefix + name, text: value))
        }
        if let dataContentType, data != nil {
            headers.append(MessageHeader(name: Self.contentTypeHeader, text: dataContentType))
        }
        let key = key ?? extensions["partitionkey"]
        return MessageRecord(topic: topic, key: key.map { Array($0.utf8) }, value: value, headers: headers)
    }

    /// Reads a record in either mode; which one it is, its content type says.
    ///
    /// - Parameters:
    ///   - headers: the record's headers.
    ///   - value: the record's value.
    /// - Throws: `CloudEventError`.
    package init(headers: [MessageHeader], value: [UInt8]?) throws(CloudEventError) {
        guard (value?.count ?? 0) <= Self.maximumValueBytes else {
            throw CloudEventError(.tooLarge, message: "longer than \(Self.maximumValueBytes) bytes")
        }
        let contentType = try Self.contentType(headers)
        if let contentType, contentType.lowercased().hasPrefix("application/cloudevents") {
            try self.init(structured: value, contentType: contentType)
        } else {
            try self.init(binary: headers, contentType: contentType, value: value)
        }
    }

    private init(structured value: [UInt8]?, contentType: String) throws(CloudEventError) {
        // `application/cloudevents-batch+json` is not defined for Kafka, and other formats are not JSON.
        let essence = contentType.prefix { $0 != ";" }.lowercased()
        guard essence.filter({ $0 != " " }) == Self.structuredContentType else {
            throw CloudEventError(
                .unsupportedContentType,
                place: Self.contentTypeHeader,
                message: "only the JSON format is supported"
            )
        }
        try self.init(structuredJSON: try Self.parse(value ?? []))
    }

    private init(binary headers: [MessageHeader], contentType: String?, value: [UInt8]?) throws(CloudEventError) {
        var attributes = Attributes()
        for header in headers {
            // The content type has a header of its own, and a name that is no attribute's is somebody else's header.
            guard let name = Self.attributeName(ofHeader: header.name), name != "datacontenttype" else { continue }
            guard attributes.set(name, try Self.text(of: header, attribute: name)) else {
                throw CloudEventError(.invalidAttribute, place: name, message: "the header is there twice")
            }
        }
        guard attributes.specVersion != nil else {
            throw CloudEventError(
                .notACloudEvent,
                message: "neither ce_ headers nor the content type application/cloudevents+json"
            )
        }
        attributes.dataContentType = contentType
        var data: JSONValue?
        if let value {
            guard Self.isJSON(contentType: contentType) else {
                throw CloudEventError(
                    .unsupportedContentType,
                    place: Self.contentTypeHeader,
                    message: "the data must be JSON"
                )
            }
            data = try Self.parse(value)
        }
        try self.init(attributes: attributes, data: data)
    }

    /// The attribute that a header carries, in whatever letter case; nil for anybody else's header. Works on bytes: a letter can
    /// have the prefix's last one as a part.
    private static func attributeName(ofHeader name: String) -> String? {
        var name = name
        // Almost nobody writes them so, and there are ten headers to each record.
        if name.utf8.contains(where: isUppercase) {
            name = String(decoding: name.utf8.map { isUppercase($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
        }
        guard name.utf8.starts(with: headerPrefix.utf8) else { return nil }
        let attribute = String(decoding: name.utf8.dropFirst(headerPrefix.utf8.count), as: UTF8.self)
        return isAttributeName(attribute) ? attribute : nil
    }

    private static func isUppercase(_ byte: UInt8) -> Bool { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte }

    private static func contentType(_ headers: [MessageHeader]) throws(CloudEventError) -> String? {
        let length = contentTypeHeader.utf8.count
        let header = headers.first { $0.name.utf8.count == length && $0.name.lowercased() == contentTypeHeader }
        guard let header else { return nil }
        return try text(of: header, attribute: contentTypeHeader)
    }

    private static func text(of header: MessageHeader, attribute: String) throws(CloudEventError) -> String {
        guard let bytes = header.value, bytes.count <= maximumAttributeBytes,
            let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0)
        else {
            throw CloudEventError(
                .invalidAttribute,
                place: attribute,
                message: "expected at most \(maximumAttributeBytes) bytes of UTF-8"
            )
        }
        return text
    }

    static func parse(_ bytes: [UInt8]) throws(CloudEventError) -> JSONValue {
        do {
            // What is read here ends in Postgres, which cannot hold NUL.
            return try JSONValue(parsing: bytes, limits: .init(maximumBytes: maximumValueBytes, allowsNUL: false))
        } catch {
            throw CloudEventError(error)
        }
    }
}
