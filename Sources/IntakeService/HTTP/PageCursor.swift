import WireFormats

/// Where the next page of a list begins, as an opaque text.
enum PageCursor {
    /// Joins the sort key of the last item of a page.
    static func encode(_ parts: [String]) -> String {
        Base64.encodeURL(Array(JSONValue.array(parts.map(JSONValue.string)).serialized()))
    }

    /// Takes a cursor apart; nil when this service did not make it for such a list.
    static func decode(_ text: String, parts: Int) -> [String]? {
        guard let bytes = Base64.decodeURL(text), let json = try? JSONValue(parsing: bytes),
            let array = json.array
        else { return nil }
        let texts = array.compactMap(\.string)
        return texts.count == parts && array.count == parts && !texts.contains { $0.utf8.contains(0) } ? texts : nil
    }
}
