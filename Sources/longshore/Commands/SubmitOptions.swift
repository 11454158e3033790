import ArgumentParser
import WireFormats

/// The fields of a request that have a flag of their own. Values are checked by the service, which knows all limits.
struct SubmitOptions: ParsableArguments {
    @Argument(help: "Images to pull.")
    var images: [String] = []

    @Option(
        help: ArgumentHelp("File with the request as JSON; flags come on top. - is standard input.", valueName: "path"),
        completion: Completions.file
    )
    var request: String?

    @Option(help: ArgumentHelp("Only this node; may be repeated.", valueName: "name"))
    var node: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only nodes with these labels, as kubectl writes them: a=b,c!=d,e,!f,g in (x,y).",
            valueName: "selector"
        )
    )
    var selector: [String] = []

    @Flag(help: "Work on cordoned nodes too.")
    var includeCordoned = false

    @Option(help: ArgumentHelp("Taint that is accepted; may be repeated.", valueName: "key[=value][:effect]"))
    var toleration: [String] = []

    @Option(help: "1 (last) to 10 (first).")
    var priority: Int?

    @Option(help: "Nodes in work at once.")
    var batchSize: Int?

    @Option(help: "Failed nodes that are accepted: a share below 1, or a number of nodes.")
    var failureTolerance: Double?

    @Option(help: ArgumentHelp("Time for one attempt on a node.", valueName: "seconds"))
    var timeout: Int?

    @Option(help: ArgumentHelp("Time for the whole task.", valueName: "seconds"))
    var deadline: Int?

    @Option(help: "Further attempts for a node after the first.")
    var maxRetries: Int?

    @Option(
        help: "How the delay between attempts grows: linear or exponential.",
        completion: .list(["linear", "exponential"])
    )
    var retryStrategy: String?

    @Option(help: ArgumentHelp("First delay between attempts.", valueName: "seconds"))
    var retryDelay: Int?

    @Option(help: ArgumentHelp("Longest delay between attempts.", valueName: "seconds"))
    var retryMaxDelay: Int?

    @Option(
        help: "IfNotPresent or Always; without it, by tag as Kubernetes does.",
        completion: .list(["IfNotPresent", "Always"])
    )
    var pullPolicy: String?

    @Option(
        help: "How images get onto a node: auto, imageVolume or kubelet.",
        completion: .list(["auto", "imageVolume", "kubelet"])
    )
    var strategy: String?

    @Option(
        help: ArgumentHelp("What is checked first, registry or disk; may be repeated.", valueName: "check"),
        completion: .list(["registry", "disk"])
    )
    var check: [String] = []

    @Option(help: ArgumentHelp("Where to tell about the task.", valueName: "url"))
    var webhookUrl: String?

    @Option(help: ArgumentHelp("Event to tell, such as task.failed; may be repeated.", valueName: "event"))
    var webhookEvent: [String] = []

    @Option(help: "The project that asks.")
    var project: String?

    @Option(help: "The cluster that does the work.")
    var cluster: String?

    @Option(help: ArgumentHelp("Label of the task; may be repeated.", valueName: "key=value"))
    var label: [String] = []

    @Option(help: ArgumentHelp("How long the finished PullTask stays.", valueName: "seconds"))
    var ttl: Int?

    /// The request's JSON: that of the file with the flags on top.
    ///
    /// - Parameter credentials: Entries for `registryCredentials`, added to the file's.
    /// - Returns: The request's body.
    /// - Throws: ``CommandFailure`` naming the flag or the file.
    func json(credentials: [JSONValue]) throws -> JSONValue {
        var json: JSONValue = [:]
        if let request {
            do {
                json = try JSONValue(parsing: SecretInput.content(of: request))
            } catch let error as JSONParsingError {
                throw CommandFailure.usage("--request: \(error)")
            }
            guard json.object != nil else { throw CommandFailure.usage("--request: \(request) holds no JSON object") }
        }
        Self.append(images.map(JSONValue.string), to: "images", of: &json)
        Self.append(credentials, to: "registryCredentials", of: &json)
        try setNodes(&json)
        setNumbers(&json)
        setTexts(&json)
        for text in label {
            let (key, value) = try KeyValue.split(text, flag: "--label")
            var labels = json["labels"] ?? [:]
            labels[key] = .string(value)
            json["labels"] = labels
        }
        return json
    }

    private func setNodes(_ json: inout JSONValue) throws {
        var nodes = json["nodes"] ?? [:]
        Self.append(node.map(JSONValue.string), to: "names", of: &nodes)
        for text in selector {
            let (labels, expressions) = try SelectorText.parse(text)
            for (key, value) in labels {
                var all = nodes["matchLabels"] ?? [:]
                all[key] = value
                nodes["matchLabels"] = all
            }
            Self.append(expressions, to: "matchExpressions", of: &nodes)
        }
        if includeCordoned { nodes["includeCordoned"] = true }
        Self.append(toleration.map(Self.toleration), to: "tolerations", of: &nodes)
        if nodes != [:] { json["nodes"] = nodes }
    }

    private func setNumbers(_ json: inout JSONValue) {
        let numbers: [(String, Int?)] = [
            ("priority", priority), ("batchSize", batchSize), ("timeoutSeconds", timeout),
            ("deadlineSeconds", deadline),
            ("maxRetries", maxRetries), ("retryDelay", retryDelay), ("retryMaxDelaySeconds", retryMaxDelay),
            ("ttlSecondsAfterFinished", ttl),
        ]
        for (key, number) in numbers {
            if let number { json[key] = .integer(Int64(number)) }
        }
        if let failureTolerance { json["failureTolerance"] = .number(failureTolerance) }
    }

    private func setTexts(_ json: inout JSONValue) {
        let texts: [(String, String?)] = [
            ("retryStrategy", retryStrategy), ("pullPolicy", pullPolicy), ("strategy", strategy),
            ("webhookUrl", webhookUrl),
            ("project", project), ("cluster", cluster),
        ]
        for (key, text) in texts {
            if let text { json[key] = .string(text) }
        }
        if !check.isEmpty { json["checks"] = .array(check.map(JSONValue.string)) }
        if !webhookEvent.isEmpty { json["webhookEvents"] = .array(webhookEvent.map(JSONValue.string)) }
    }

    private static func append(_ values: [JSONValue], to key: String, of json: inout JSONValue) {
        guard !values.isEmpty else { return }
        json[key] = .array((json[key]?.array ?? []) + values)
    }

    /// `key`, `key:effect`, `key=value` or `key=value:effect`, as `kubectl taint` writes taints.
    private static func toleration(_ text: String) -> JSONValue {
        var json: JSONValue = [:]
        var rest = text[...]
        if let colon = rest.lastIndex(of: ":") {
            json["effect"] = .string(String(rest[rest.index(after: colon)...]))
            rest = rest[..<colon]
        }
        if let equals = rest.firstIndex(of: "=") {
            json["operator"] = "Equal"
            json["value"] = .string(String(rest[rest.index(after: equals)...]))
            rest = rest[..<equals]
        } else {
            json["operator"] = "Exists"
        }
        if !rest.isEmpty { json["key"] = .string(String(rest)) }
        return json
    }
}
