import LongshoreDomain
package import WireFormats

/// The JSON Schemas (draft 2020-12) of everything that travels: requests, messages, events. The AsyncAPI and OpenAPI documents
/// refer to them.
///
/// Schemas of what Longshore writes are open: readers must ignore members they do not know. The schema of a request is closed,
/// since a typo must not be dropped silently.
package enum JSONSchemas {
    /// The prefix of every schema's `$id`; a schema's file name is its name with `.json`.
    package static let base = "https://longshore.dev/schemas/"

    /// The schemas by name: `task-request`, `task-spec`, `definitions`, `cloudevent`, and one for the data of each event type.
    package static let all: [String: JSONValue] = {
        var schemas: [String: JSONValue] = [:]
        for (name, text) in texts {
            // A text that does not parse would be found by the tests, which go through all of them.
            guard var schema = try? JSONValue(parsing: text) else { continue }
            schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
            schema["$id"] = .string("\(base)\(name).json")
            schemas[name] = schema
        }
        for type in EventType.allCases where type.isEvent { schemas[type.rawValue] = eventSchema(type) }
        return schemas
    }()

    /// The name of the schema for the data of an event type.
    package static func name(for type: EventType) -> String { type == .taskRequested ? "task-request" : type.rawValue }

    private static let texts: [(name: String, text: String)] = [
        ("definitions", definitions),
        ("cloudevent", cloudEvent),
        ("task-request", taskRequest),
        ("task-spec", taskSpec),
        ("task-event", taskEvent),
        (EventType.taskSubmitted.rawValue, taskSubmitted),
        (EventType.taskCommand.rawValue, taskCommand),
        (EventType.taskMissing.rawValue, taskMissing),
        (EventType.taskNodes.rawValue, taskNodes),
        (EventType.clusterAnnounced.rawValue, clusterAnnounced),
    ]

    /// What one type of event adds to what all have in common.
    private static func eventSchema(_ type: EventType) -> JSONValue {
        var required: [JSONValue] = []
        var properties: JSONValue = [:]
        if let phase = type.taskPhase { properties["phase"] = ["const": .string(phase.rawValue)] }
        if let phase = type.nodePhase {
            properties["nodePhase"] = ["const": .string(phase.rawValue)]
            required = ["node", "nodePhase", "attempt"]
        }
        if type == .taskProgress { required = ["progress"] }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": .string("\(base)\(type.rawValue).json"),
            "title": .string("The data of \(type.rawValue)"), "allOf": [["$ref": "task-event.json"]],
            "required": .array(required), "properties": properties,
        ]
    }
}
