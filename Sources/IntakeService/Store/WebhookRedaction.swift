import LongshoreDomain
import WireFormats

/// Hides the values in the query of webhooks' URLs from those who may read tasks and are no administrators.
enum WebhookRedaction {
    private static let field = "webhookUrl"

    /// A spec as it is shown.
    ///
    /// - Parameter text: The spec's JSON.
    /// - Returns: The same text where there is nothing to hide.
    static func redact(spec text: String) -> String {
        guard text.contains("\"\(field)\""), var json = try? JSONValue(parsing: text) else { return text }
        return redact(&json) ? json.text() : text
    }

    /// An event as it is shown: the first one of a task that kubectl made holds its spec, and a refusal whom it is told to.
    ///
    /// - Parameter text: The CloudEvent in structured JSON.
    /// - Returns: The same text where there is nothing to hide.
    static func redact(event text: String) -> String {
        guard text.contains("\"\(field)\""), var json = try? JSONValue(parsing: text), var data = json["data"]
        else { return text }
        var isRedacted = redact(&data)
        if var task = data["task"], redact(&task) {
            data["task"] = task
            isRedacted = true
        }
        guard isRedacted else { return text }
        json["data"] = data
        return json.text()
    }

    /// A delivery as it is shown.
    static func redact(delivery json: JSONValue) -> JSONValue {
        guard let url = json["url"]?.string else { return json }
        var shown = json
        shown["url"] = .string(WebhookURL.redacted(url))
        return shown
    }

    private static func redact(_ spec: inout JSONValue) -> Bool {
        guard let url = spec[field]?.string else { return false }
        let shown = WebhookURL.redacted(url)
        guard shown != url else { return false }
        spec[field] = .string(shown)
        return true
    }
}

extension TaskStore.Event {
    /// The event as it is shown to those who are no administrators.
    var redacted: TaskStore.Event {
        TaskStore.Event(sequence: sequence, type: type, text: WebhookRedaction.redact(event: text))
    }
}
