import HTTPTypes
import LongshoreDomain
import TestSupport
import Testing
import WireFormats

@testable import IntakeService

struct OpenAPIDocumentTests {
    private func references(in json: JSONValue) -> [String] {
        switch json {
        case .array(let items): items.flatMap(references)
        case .object(let object):
            object.flatMap { key, value in key == "$ref" ? [value.string ?? "?"] : references(in: value) }
        case .null, .bool, .integer, .number, .string: []
        }
    }

    @Test
    func `Every reference points into the document`() throws {
        let document = OpenAPIDocument.json
        let found = Set(references(in: document))
        #expect(found.count > 20)
        for reference in found {
            let pointer = try #require(JSONPointer(parsing: String(reference.dropFirst())))
            #expect(document.value(at: pointer) != nil, "\(reference)")
        }
    }

    @Test
    func `Every endpoint and method is described, and nothing else`() throws {
        let described = try #require(OpenAPIDocument.json["paths"]?.object)
        var endpoints: [String: Set<String>] = [:]
        for path in [
            "/v1/tasks", "/v1/tasks/x", "/v1/tasks/x/nodes", "/v1/tasks/x/events", "/v1/tasks/x/deliveries",
            "/v1/tasks/x/retry", "/v1/tasks/x/pause", "/v1/tasks/x/resume", "/v1/clusters",
            "/v1/deliveries/x/redeliver",
            "/v1/deliveries/redeliver", "/openapi.json",
        ] {
            let endpoint = Endpoint(path: path)
            endpoints[endpoint.route] = Set(endpoint.methods.map { $0.rawValue.lowercased() })
        }
        #expect(Set(described.keys) == Set(endpoints.keys))
        for (path, item) in described {
            #expect(Set(item.object?.keys ?? []).subtracting(["parameters"]) == endpoints[path])
        }
    }

    @Test
    func `Enumerations are those of the code`() {
        let schemas = OpenAPIDocument.json["components"]?["schemas"]
        func values(_ name: String) -> [String]? { schemas?[name]?["enum"]?.array?.compactMap(\.string) }
        #expect(values("Status") == TaskPhase.allCases.map(\.rawValue))
        #expect(values("NodeState") == ShownNodeState.allCases.map(\.rawValue))
        #expect(Set(values("Cause") ?? []) == Set(FailureCause.allCases.map(\.rawValue)))
    }
}
