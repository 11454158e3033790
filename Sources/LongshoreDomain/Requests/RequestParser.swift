import WireFormats

/// Reads a request and collects everything that is wrong with it.
///
/// The parser is a security boundary. Whatever it is given, it ends in time linear in the input's size, and no text it
/// writes quotes a value: a password may stand in any field by mistake.
struct RequestParser {
    let channel: RequestChannel
    let defaults: RequestDefaults
    var faults = RequestFaults()
    var warnings: [RequestWarning] = []
    /// The request's own members, those that are `null` left out.
    var root = JSONObject()

    init(channel: RequestChannel, defaults: RequestDefaults) {
        self.channel = channel
        self.defaults = defaults
    }

    mutating func parse(_ json: JSONValue) throws(RequestFaults) -> TaskRequest {
        guard let object = object(json, at: .root, fields: Self.fields(of: channel)) else { throw faults }
        root = object
        let images = readImages()
        var spec = TaskSpec(images: images.map(\.image), project: defaults.project, cluster: defaults.cluster)
        readSettings(into: &spec)
        spec.nodeSelection = readNodeSelection()
        spec.overrides = readOverrides(images: spec.images)
        let credentials = readCredentials(images: spec.images, overrides: spec.overrides)
        readControl()
        guard faults.isEmpty else { throw faults }
        return TaskRequest(spec: spec, credentials: credentials, warnings: warnings)
    }

    /// The fields of a request, in the contract's order.
    static let fields = [
        "images", "nodeSelector", "nodes", "registryCredentials", "overrides", "priority", "batchSize",
        "failureTolerance", "timeoutSeconds", "deadlineSeconds", "maxRetries", "retryStrategy", "retryDelay",
        "retryMaxDelaySeconds", "pullPolicy", "strategy", "checks", "webhookUrl", "webhookEvents", "project", "cluster",
        "labels", "ttlSecondsAfterFinished", "registry", "username", "password",
    ]

    /// A PullTask's spec also holds what commands have asked of the running task.
    private static func fields(of channel: RequestChannel) -> [String] {
        channel == .pullTask ? fields + TaskControl.fields : fields
    }

    private mutating func readControl() {
        guard channel == .pullTask else { return }
        _ = bool(root, "cancelRequested", at: .root)
        _ = bool(root, "paused", at: .root)
        _ = integer(root, "retryRequest", at: .root, in: 0...Int(Int32.max))
    }
}

// MARK: - Reading values

extension RequestParser {
    mutating func fault(_ pointer: JSONPointer, _ kind: RequestFaultCode, _ detail: String) {
        faults.append(RequestFault(pointer: pointer, kind: kind, detail: detail))
    }

    /// An object's members without those that are `null`; a fault for every field it should not have.
    mutating func object(_ value: JSONValue, at pointer: JSONPointer, fields: [String]) -> JSONObject? {
        guard let object = anyObject(value, at: pointer) else { return nil }
        var known = JSONObject()
        for (key, value) in object {
            if fields.contains(key) {
                if !value.isNull { known[key] = value }
            } else {
                unknownField(key, at: pointer, fields: fields)
            }
        }
        return known
    }

    mutating func anyObject(_ value: JSONValue, at pointer: JSONPointer) -> JSONObject? {
        guard let object = value.object else {
            fault(pointer, .wrongType, "expected an object, found \(value.kindName)")
            return nil
        }
        return object
    }

    /// The first elements of an array, at most `maximum`. What is over the limit is one fault and is not looked at: each
    /// further element would cost as much as one that is allowed.
    mutating func array(
        _ object: JSONObject,
        _ key: String,
        at pointer: JSONPointer,
        maximum: Int
    ) -> ArraySlice<JSONValue> {
        guard let value = object[key] else { return [] }
        guard let array = value.array else {
            fault(pointer.appending(key), .wrongType, "expected an array, found \(value.kindName)")
            return []
        }
        if array.count > maximum {
            fault(pointer.appending(key), .tooMany, "\(array.count) elements, at most \(maximum) are allowed")
        }
        return array.prefix(maximum)
    }

    mutating func string(_ value: JSONValue, at pointer: JSONPointer, maximum: Int) -> String? {
        guard let text = value.string else {
            fault(pointer, .wrongType, "expected a string, found \(value.kindName)")
            return nil
        }
        guard text.utf8.count <= maximum else {
            fault(pointer, .tooLong, "\(text.utf8.count) bytes, at most \(maximum) are allowed")
            return nil
        }
        return text
    }

    mutating func string(_ object: JSONObject, _ key: String, at pointer: JSONPointer, maximum: Int) -> String? {
        guard let value = object[key] else { return nil }
        return string(value, at: pointer.appending(key), maximum: maximum)
    }

    mutating func requiredString(
        _ object: JSONObject,
        _ key: String,
        at pointer: JSONPointer,
        maximum: Int
    ) -> String? {
        guard object[key] != nil else {
            fault(pointer.appending(key), .required, "\(key) is required")
            return nil
        }
        return string(object, key, at: pointer, maximum: maximum)
    }

    mutating func bool(_ object: JSONObject, _ key: String, at pointer: JSONPointer) -> Bool? {
        guard let value = object[key] else { return nil }
        guard let bool = value.bool else {
            fault(pointer.appending(key), .wrongType, "expected a boolean, found \(value.kindName)")
            return nil
        }
        return bool
    }

    mutating func integer(
        _ object: JSONObject,
        _ key: String,
        at pointer: JSONPointer,
        in range: ClosedRange<Int>
    ) -> Int? {
        guard let value = object[key] else { return nil }
        guard let number = value.double else {
            fault(pointer.appending(key), .wrongType, "expected an integer, found \(value.kindName)")
            return nil
        }
        guard let integer = value.integer else {
            // A number that is whole but beyond 64 bits is out of range, not of the wrong type.
            let isWhole = number.rounded() == number
            fault(
                pointer.appending(key),
                isWhole ? .outOfRange : .wrongType,
                "expected an integer from \(range.lowerBound) to \(range.upperBound)"
            )
            return nil
        }
        guard range.contains(integer) else {
            fault(pointer.appending(key), .outOfRange, "must be from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return integer
    }

    /// A text that is one of an enumeration's.
    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ object: JSONObject,
        _ key: String,
        at pointer: JSONPointer,
        of type: Choice.Type
    ) -> Choice? {
        guard let text = string(object, key, at: pointer, maximum: 256) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            fault(pointer.appending(key), .invalidValue, "must be one of \(names)")
            return nil
        }
        return choice
    }

    /// Names a field that requests do not have. Its key is the caller's own text, so it is shown only where it looks like a
    /// field's name.
    private mutating func unknownField(_ key: String, at pointer: JSONPointer, fields: [String]) {
        guard !faults.isFull else {
            faults.appendUnlisted()
            return
        }
        let isName =
            key.utf8.count <= 40
            && key.utf8.allSatisfy { ReferenceGrammar.isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        var detail = "there is no such field here"
        if isName, let near = Spelling.nearest(to: key, in: fields) {
            detail += "; did you mean \(near)?"
        }
        if key == "namespace", fields == ["name"] {
            detail = "a Secret is read from the namespace of the cluster's executors alone: copy it there"
        }
        fault(pointer.appending(isName ? key : "?"), .unknownField, detail)
    }
}
