import LongshoreMessages
import ServiceRuntime
import WireFormats

/// The description of the API, served at `/openapi.json` (OpenAPI 3.1).
///
/// The schema of a request is the one that messages use; its references are rewritten, because many generators follow only
/// those within the document.
enum OpenAPIDocument {
    static let json: JSONValue = {
        // A text that does not parse would be found by the tests.
        guard var document = try? JSONValue(parsing: paths), let own = try? JSONValue(parsing: schemas) else {
            return .null
        }
        var components = own.object ?? [:]
        for source in ["definitions", "task-request"] {
            guard let schema = JSONSchemas.all[source], let definitions = schema["$defs"]?.object else { continue }
            for (name, definition) in definitions { components[name] = local(definition) }
        }
        if let request = JSONSchemas.all["task-request"] { components["TaskRequest"] = local(request) }
        document["info"]?["x-longshore-version"] = .string(ProductVersion.text)
        document["components"] = [
            "schemas": .object(components),
            "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer"]],
            "parameters": parameters,
            "responses": responses,
        ]
        return document
    }()

    /// A schema with its references pointing into this document and without what gives it a name of its own.
    private static func local(_ json: JSONValue) -> JSONValue {
        switch json {
        case .array(let items): return .array(items.map(local))
        case .object(let object):
            var result = JSONObject()
            for (key, value) in object where !["$id", "$schema", "$defs"].contains(key) {
                if key == "$ref", let name = value.string?.split(separator: "/").last {
                    result[key] = .string("#/components/schemas/\(name)")
                } else {
                    result[key] = local(value)
                }
            }
            return .object(result)
        case .null, .bool, .integer, .number, .string: return json
        }
    }

    private static let parameters: JSONValue = [
        "id": [
            "name": "id", "in": "path", "required": true, "description": "The task's id.",
            "schema": ["$ref": "#/components/schemas/taskId"],
        ],
        "limit": [
            "name": "limit", "in": "query", "description": "The most items of a page.",
            "schema": ["type": "integer", "minimum": 1, "maximum": 1_000],
        ],
        "cursor": [
            "name": "cursor", "in": "query", "description": "`nextCursor` of the page before.",
            "schema": ["type": "string"],
        ],
        "idempotencyKey": [
            "name": "Idempotency-Key", "in": "header",
            "description": "The same key and request give the same task; required with a sealed credential.",
            "schema": ["type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"],
        ],
    ]

    private static let responses: JSONValue = [
        "problem": [
            "description": "What is wrong (RFC 9457). 429 and 503 come with Retry-After.",
            "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
        ]
    ]
}
