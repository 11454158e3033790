import LongshoreDomain
import WireFormats

/// Finds the task that a person means by a beginning of its id.
enum TaskReference {
    /// The shortest beginning that is looked up.
    static let minimumLength = 4
    private static let digits = Set("0123456789abcdefghjkmnpqrstvwxyz")

    /// The whole id of a task.
    ///
    /// - Parameters:
    ///   - text: An id, or four characters or more of its beginning. Anything else is left as it is, for the service to judge.
    ///   - client: Asks the service.
    /// - Returns: The id.
    /// - Throws: ``CommandFailure`` when no task, or more than one, begins so.
    static func resolve(_ text: String, _ client: IntakeClient) async throws -> String {
        guard (minimumLength..<TaskID.length).contains(text.count), text.allSatisfy(digits.contains) else {
            return text
        }
        let page = try await client.send("GET", "/v1/tasks", query: [("idPrefix", text), ("limit", "3")])
        let ids = (page.json["items"]?.array ?? []).compactMap { $0["id"]?.string }
        switch ids.count {
        case 0: throw CommandFailure(.notFound, "there is no task whose id begins with “\(text)”")
        case 1: return ids[0]
        default:
            let some = ids.map(Console.printable).joined(separator: ", ")
            throw CommandFailure.usage("more than one task's id begins with “\(text)” (\(some)): give more of it")
        }
    }
}
