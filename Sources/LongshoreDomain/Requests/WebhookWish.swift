package import WireFormats

/// Whom a request that was refused wants to be told: what can be trusted of it although the rest is wrong.
package struct WebhookWish: Sendable, Hashable {
    /// Where to.
    package let url: String
    /// The short names of the events.
    package let events: [String]

    /// Makes a wish.
    ///
    /// - Parameters:
    ///   - url: Where to.
    ///   - events: The short names of the events.
    package init(url: String, events: [String]) {
        self.url = url
        self.events = events
    }

    /// Reads the wish of a request that was refused. There is none where no URL is named, where the URL or the list of events is
    /// itself wrong, where the refusal is not among the events, and where a secret of the request stands in the URL.
    ///
    /// - Parameter request: The request's JSON, in which anything may be wrong.
    package init?(ofRefused request: JSONValue) {
        guard let url = request["webhookUrl"]?.string, !url.isEmpty, WebhookURL.problem(with: url) == nil else {
            return nil
        }
        var events = WebhookEventNames.defaults
        if let named = request["webhookEvents"], !named.isNull {
            guard let list = named.array, list.count <= WebhookEventNames.all.count else { return nil }
            events = list.compactMap(\.string)
            guard events.count == list.count, events.allSatisfy(WebhookEventNames.all.contains) else { return nil }
        }
        guard events.contains("task.rejected"), !Self.secrets(in: request).contains(where: url.contains) else {
            return nil
        }
        self.init(url: url, events: events)
    }

    /// What is a secret where a credential may stand.
    private static func secrets(in request: JSONValue) -> [String] {
        let credentials = (request["registryCredentials"]?.array ?? []).prefix(RequestLimits.credentials)
        return ([request] + credentials).flatMap { holder in
            ["password", "identityToken"].compactMap { holder[$0]?.string }.filter { !$0.isEmpty }
        }
    }
}
