import LongshoreDomain
import WireFormats

/// Where the next page of a list begins, as an opaque text.
///
/// Whatever a client makes up is either refused or names a place that a list can have: nothing that the database cannot take
/// comes out of it.
enum PageCursor {
    /// Times that a task can have been accepted at, in microseconds since 1970: up to the year 9999, which Postgres and
    /// RFC 3339 can both write.
    private static let times: ClosedRange<Int64> = 0...253_402_300_799_999_999

    /// Joins the sort key of the last item of a page.
    static func encode(_ parts: [String]) -> String {
        Base64.encodeURL(Array(JSONValue.array(parts.map(JSONValue.string)).serialized()))
    }

    /// The cursor after a task in the list of tasks.
    static func encode(acceptedAt: Timestamp, id: String) -> String {
        encode(["\(acceptedAt.microsecondsSinceEpoch)", id])
    }

    /// The cursor after a node in the list of a task's nodes.
    static func encode(node: String) -> String { encode([node]) }

    /// A place in the list of tasks; nil when the text is no cursor of that list.
    static func task(_ text: String) -> (acceptedAt: Timestamp, id: String)? {
        guard let parts = decode(text, parts: 2), let time = Int64(parts[0]), times.contains(time),
            let id = TaskID(parts[1])
        else { return nil }
        return (Timestamp(microsecondsSinceEpoch: time), id.text)
    }

    /// A place in the list of a task's nodes; nil when the text is no cursor of that list.
    static func node(_ text: String) -> String? {
        guard let name = decode(text, parts: 1)?.first, KubernetesNames.isSubdomain(name) else { return nil }
        return name
    }

    /// Takes a cursor apart; nil when this service did not make it for such a list.
    static func decode(_ text: String, parts: Int) -> [String]? {
        guard let bytes = Base64.decodeURL(text),
            let json = try? JSONValue(parsing: bytes, limits: .init(maximumDepth: 2, allowsNUL: false)),
            let array = json.array
        else { return nil }
        let texts = array.compactMap(\.string)
        return texts.count == parts && array.count == parts ? texts : nil
    }
}
