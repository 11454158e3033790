import LongshoreDomain
import Testing
import WireFormats

@testable import IntakeService

/// What each role may do, route by route; docs/operations.md says the same in words.
@Suite(.timeLimit(.minutes(3)))
struct RoleTests {
    /// What needs no token.
    private static let open: Set = ["GET /openapi.json"]
    /// The least role for each method of each other route.
    private static let least: [String: Role] = [
        "GET /v1/tasks": .viewer, "POST /v1/tasks": .submitter,
        "GET /v1/tasks/{id}": .viewer, "DELETE /v1/tasks/{id}": .submitter,
        "PATCH /v1/tasks/{id}": .submitter, "POST /v1/tasks/{id}/retry": .submitter,
        "POST /v1/tasks/{id}/pause": .submitter, "POST /v1/tasks/{id}/resume": .submitter,
        "GET /v1/tasks/{id}/nodes": .viewer, "GET /v1/tasks/{id}/events": .viewer,
        "GET /v1/tasks/{id}/deliveries": .viewer,
        "POST /v1/deliveries/{id}/redeliver": .submitter, "POST /v1/deliveries/redeliver": .submitter,
        "GET /v1/clusters": .viewer,
    ]

    private static let tokens: [(token: String?, role: Role?)] = [
        (nil, nil), (Intake.viewer, .viewer), (Intake.submitter, .submitter), (Intake.projectAdmin, .admin),
    ]

    @Test
    func `Each route is open to its role and those above, and closed to those below`() async throws {
        let routes = (OpenAPIDocument.json["paths"]?.object ?? [:]).flatMap { path, item in
            (item.object?.keys ?? []).filter { $0 != "parameters" }.map { "\($0.uppercased()) \(path)" }
        }
        try #require(Set(routes) == Self.open.union(Self.least.keys), "say here what role each route needs")
        let intake = try await Intake.shared()
        // Of something that is not there, so that nothing is changed by those who may.
        let id = TaskID.v7(at: Timestamp(secondsSinceEpoch: 1), random: Array(repeating: 7, count: 10)).text
        for route in routes {
            let parts = route.split(separator: " ").map(String.init)
            let path = parts[1].replacing("{id}", with: id)
            let body: [UInt8]? = ["POST", "PATCH"].contains(parts[0]) ? Array("{}".utf8) : nil
            for (token, role) in Self.tokens {
                let answer = try await intake.ask(parts[0], path, body: body, token: token)
                let about = "\(route) as \(role?.rawValue ?? "nobody"): \(answer.status)"
                if let least = Self.least[route] {
                    #expect((answer.status == 401) == (role == nil), "\(about)")
                    #expect((answer.status == 403) == (role.map { $0 < least } ?? false), "\(about)")
                } else {
                    #expect(answer.status == 200, "\(about)")
                }
            }
        }
    }

    @Test
    func `An administrator is shown webhooks whole, of its own project alone`() async throws {
        let intake = try await Intake.shared()
        let url = "https://ci.example.com/hook?token=abc"
        let id = try #require(
            try await intake.submit(["images": ["nginx"], "webhookUrl": .string(url)]).json["id"]?.string
        )
        for (token, shown) in [
            (Intake.projectAdmin, url), (Intake.admin, url),
            (Intake.submitter, "https://ci.example.com/hook?token=***"),
            (Intake.viewer, "https://ci.example.com/hook?token=***"),
        ] {
            let task = try await intake.ask("GET", "/v1/tasks/\(id)", token: token)
            #expect(task.json["spec"]?["webhookUrl"]?.string == shown)
        }
        let request: JSONValue = ["images": ["nginx"], "project": "other"]
        #expect(try await intake.submit(request, token: Intake.projectAdmin).status == 403)
        #expect(try await intake.ask("GET", "/v1/tasks?project=other", token: Intake.projectAdmin).status == 403)
    }
}
