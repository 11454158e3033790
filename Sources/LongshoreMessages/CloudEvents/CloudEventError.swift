import WireFormats

/// A message that cannot be read. It never quotes the message, which may hold a credential.
package struct CloudEventError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, as a constant that can be a metric label.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Neither of the two Kafka modes.
        case notACloudEvent
        /// A `specversion` other than 1.0.
        case unsupportedVersion
        /// A required attribute is missing.
        case missingAttribute
        /// An attribute is not UTF-8, not of its type, or there twice.
        case invalidAttribute
        /// Data that is no JSON although it should be.
        case unsupportedContentType
        /// The message is longer than any that is read.
        case tooLarge
        /// The JSON itself is broken.
        case malformedJSON
        /// A CloudEvent, but not of the type that was to be read.
        case wrongType
        /// The data is not what the type says.
        case invalidData
    }

    /// What is wrong.
    package let code: Code
    /// The attribute or, for data, the place within it.
    package let place: String
    /// One sentence without any value of the message.
    package let message: String
    /// Reading the same message again cannot succeed.
    package var isRetryable: Bool { false }

    /// Makes an error.
    package init(_ code: Code, place: String = "", message: String) {
        self.code = code
        self.place = place
        self.message = message
    }

    init(_ error: JSONMappingError) {
        self.init(.invalidData, place: "data" + error.pointer.description, message: "expected \(error.expected)")
    }

    init(_ error: JSONParsingError) {
        self.init(.malformedJSON, place: "value", message: error.description)
    }

    package var description: String {
        place.isEmpty ? "\(code.rawValue): \(message)" : "\(code.rawValue) at \(place): \(message)"
    }
}
