import WireFormats

/// A stand-in until the document is written below.
enum OpenAPIDocument {
    static let json: JSONValue = ["openapi": "3.1.0"]
}
