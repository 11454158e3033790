package import WireFormats

extension TaskRun.Snapshot: JSONEncodable, JSONDecodable {
    /// The record as it stands in the PullTask's `status.record`.
    package var json: JSONValue {
        var object: JSONObject = [
            "version": 1,
            "counts": [
                "total": .integer(Int64(counts.nodesTotal)), "succeeded": .integer(Int64(counts.succeeded)),
                "failed": .integer(Int64(counts.failed)), "skipped": .integer(Int64(counts.skipped)),
                "pulling": .integer(Int64(counts.pulling)),
            ],
            "setAside": .integer(Int64(setAside)),
            "hardFailures": .integer(Int64(hardFailures)),
            "pauses": .integer(Int64(pauses)),
        ]
        if let names {
            object["nameSuffix"] = .string(names.suffix)
            object["names"] = .string(names.text)
            object["statuses"] = .string(Base64.encode(statuses))
        }
        if !causes.isEmpty {
            let sorted = causes.sorted { $0.key.rawValue < $1.key.rawValue }
            object["causes"] = .object(JSONObject(sorted.map { ($0.key.rawValue, .integer(Int64($0.value))) }))
        }
        if let pullingSince { object["pullingSince"] = pullingSince.json }
        if !badImages.isEmpty {
            let sorted = badImages.sorted { $0.key < $1.key }
            object["badImages"] = .array(
                sorted.map {
                    [
                        "image": .string($0.key), "cause": .string($0.value.cause.rawValue),
                        "message": .string($0.value.message),
                    ]
                }
            )
        }
        if let outcome { object["outcome"] = outcome.json }
        if attemptBase != 0 { object["attemptBase"] = .integer(Int64(attemptBase)) }
        if let lastAttempt { object["lastAttempt"] = .integer(Int64(lastAttempt)) }
        if isRecheckDue { object["recheck"] = true }
        if !untold.isEmpty { object["untold"] = untold.json }
        if !setAsideNodes.isEmpty { object["setAsideNodes"] = .array(setAsideNodes.map(\.json)) }
        return .object(object)
    }

    /// Reads a record.
    ///
    /// - Parameter json: What ``json`` made; causes that this version does not know become `Unknown`.
    /// - Throws: `JSONMappingError` for another version or shape.
    package init(json: JSONValue) throws(JSONMappingError) {
        guard try json.requiredInteger("version") == 1 else {
            throw JSONMappingError(pointer: JSONPointer().appending("version"), expected: "1")
        }
        let counted = json["counts"] ?? .null
        func count(_ key: String) throws(JSONMappingError) -> Int { max(0, try counted.requiredInteger(key)) }
        counts = TaskCounts(
            nodesTotal: try count("total"),
            succeeded: try count("succeeded"),
            failed: try count("failed"),
            skipped: try count("skipped"),
            pulling: try count("pulling")
        )
        setAside = max(0, try json.requiredInteger("setAside"))
        hardFailures = max(0, try json.requiredInteger("hardFailures"))
        pauses = max(0, try json.requiredInteger("pauses"))
        pullingSince = try json.optionalTimestamp("pullingSince")
        names = nil
        statuses = []
        if let text = try json.optionalString("names"), let encoded = try json.optionalString("statuses") {
            guard let bytes = Base64.decode(encoded) else {
                throw JSONMappingError(pointer: JSONPointer().appending("statuses"), expected: "base64")
            }
            names = NodeNameList(suffix: try json.optionalString("nameSuffix") ?? "", text: text)
            statuses = bytes
        }
        causes = [:]
        for (key, value) in json["causes"]?.object ?? [:] {
            causes[FailureCause(rawValue: key) ?? .unknown, default: 0] += value.integer ?? 0
        }
        badImages = [:]
        for image in try json.optionalArray("badImages") ?? [] {
            badImages[try image.requiredString("image")] = TaskRun.ImageFailure(
                cause: FailureCause(rawValue: try image.requiredString("cause")) ?? .unknown,
                message: try image.optionalString("message") ?? ""
            )
        }
        attemptBase = max(0, try json.optionalInteger("attemptBase") ?? 0)
        lastAttempt = try json.optionalInteger("lastAttempt").map { max(0, $0) }
        isRecheckDue = try json.optionalBool("recheck") ?? false
        outcome = nil
        if let decided = json["outcome"], !decided.isNull { outcome = try TaskRun.Outcome(json: decided) }
        for group in try json.optionalArray("setAsideNodes") ?? [] {
            setAsideNodes.append(try TaskRun.UntoldEnds.SetAsideNodes(json: group))
        }
        if let ends = json["untold"], !ends.isNull { untold = try TaskRun.UntoldEnds(json: ends) }
    }
}

extension TaskRun.Outcome: JSONEncodable, JSONDecodable {
    /// The outcome within a snapshot.
    package var json: JSONValue {
        var object: JSONObject = ["phase": .string(phase.rawValue)]
        if let cause { object["cause"] = .string(cause.rawValue) }
        if let reason { object["reason"] = .string(reason) }
        if let message { object["message"] = .string(message) }
        return .object(object)
    }

    /// Reads an outcome.
    ///
    /// - Parameter json: What ``json`` made.
    /// - Throws: `JSONMappingError` when the phase is not a terminal one.
    package init(json: JSONValue) throws(JSONMappingError) {
        guard let phase = TaskPhase(rawValue: try json.requiredString("phase")), phase.isTerminal else {
            throw JSONMappingError(pointer: JSONPointer().appending("phase"), expected: "a terminal phase")
        }
        self.init(
            phase: phase,
            cause: try json.optionalString("cause").flatMap(FailureCause.init(rawValue:)),
            reason: try json.optionalString("reason"),
            message: try json.optionalString("message")
        )
    }
}
