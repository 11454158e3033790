/// What an Event of the kubelet about a Pod says of one image.
///
/// The texts are those of `pkg/kubelet/images/image_manager.go`, Kubernetes 1.29 to 1.36. Events are a hint and no record: the kubelet's
/// recorder drops them beyond 25 for a Pod, merges similar ones, and the API server deletes them after an hour.
package struct KubeletImageEvent: Sendable, Hashable {
    /// What has happened to the image.
    package enum Fact: Sendable, Hashable {
        /// The pull has been asked for; it may still wait for others of the node.
        case pulling
        /// The image was pulled. The time is that of the pull alone; the bytes are told from Kubernetes 1.30 on.
        case pulled(duration: Duration?, bytes: Int64?)
        /// Nothing had to be pulled.
        case present
        /// A pull has failed, with the runtime's text.
        case failed(message: String)
        /// The kubelet waits before it tries again.
        case backingOff
    }

    /// The reference, as the Pod names it.
    package var image: String
    /// What has happened.
    package var fact: Fact

    /// Creates an event.
    package init(image: String, fact: Fact) {
        self.image = image
        self.fact = fact
    }

    /// What client-go's recorder puts before the message of similar events that it has merged; the message is the latest one's.
    private static let merged = "(combined from similar events): "

    /// Reads an Event; `nil` for one that is about no image.
    ///
    /// - Parameters:
    ///   - reason: The Event's `reason`.
    ///   - message: Its `message`.
    package init?(reason: String, message: String) {
        let text = message.hasPrefix(Self.merged) ? message.dropFirst(Self.merged.count) : message[...]
        guard let (image, before, after) = Self.quoted(text), !image.isEmpty else { return nil }
        switch (reason, before) {
        case ("Pulling", "Pulling image "), ("Pulling", "pulling image "): self.init(image: image, fact: .pulling)
        case ("Pulled", "Successfully pulled image "):
            self.init(image: image, fact: .pulled(duration: Self.duration(in: after), bytes: Self.bytes(in: after)))
        case ("Pulled", "Container image ") where after.hasPrefix(" already present on machine"):
            self.init(image: image, fact: .present)
        case ("Failed", "Failed to pull image "):
            self.init(image: image, fact: .failed(message: String(after.hasPrefix(": ") ? after.dropFirst(2) : after)))
        case ("InspectFailed", "Failed to inspect image "), ("InspectFailed", "Failed to apply default image tag "),
            ("ErrImageNeverPull", "Container image "):
            self.init(image: image, fact: .failed(message: String(text)))
        case ("BackOff", "Back-off pulling image "): self.init(image: image, fact: .backingOff)
        default: return nil
        }
    }

    /// The first text in quotes, with what is before and after it. References hold nothing that Go's `%q` escapes.
    private static func quoted(_ text: Substring) -> (String, Substring, Substring)? {
        guard let open = text.firstIndex(of: "\"") else { return nil }
        let start = text.index(after: open)
        guard let close = text[start...].firstIndex(of: "\"") else { return nil }
        return (String(text[start..<close]), text[..<open], text[text.index(after: close)...])
    }

    /// The first time in ` in 1.2s (1.5s including waiting). …`.
    private static func duration(in text: Substring) -> Duration? {
        guard text.hasPrefix(" in ") else { return nil }
        return duration(text.dropFirst(4).prefix { $0 != " " })
    }

    /// Reads a duration as Go prints it: `1h2m3.5s`, `350ms`, `12µs`, `0s`.
    static func duration(_ text: Substring) -> Duration? {
        let units: [String: Double] = ["h": 3_600, "m": 60, "s": 1, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9]
        var rest = text
        var seconds = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isASCII && $0.isNumber) }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let factor = units[String(unit)] else { return nil }
            seconds += number * factor
        }
        guard seconds < 1e9 else { return nil }
        return .milliseconds(Int64((seconds * 1_000).rounded()))
    }

    private static func bytes(in text: Substring) -> Int64? {
        let label = "Image size: "
        guard let open = text.firstIndex(of: "I"), text[open...].hasPrefix(label) else { return nil }
        let digits = text[open...].dropFirst(label.count).prefix { $0.isASCII && $0.isNumber }
        return Int64(digits)
    }
}
