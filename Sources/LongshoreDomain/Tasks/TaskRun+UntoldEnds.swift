package import WireFormats

extension TaskRun {
    /// Ends of nodes that are written down before the world hears of them: whoever takes over tells the same ones.
    ///
    /// A node of the plan says by its status' byte which of `details` its end has, so that ten thousand equal ends take no
    /// more room than one.
    package struct UntoldEnds: Sendable, Hashable {
        /// What an end's event says besides node and kind.
        package struct Detail: Sendable, Hashable {
            /// The attempt, 0 for none.
            package var attempt: Int
            /// The images.
            package var images: [ImageOutcome]
            /// A constant word for why.
            package var reason: String?
            /// Why, in a sentence.
            package var message: String?
        }

        /// Set-aside nodes of one reason; they are not among the plan's nodes.
        package struct SetAsideNodes: Sendable, Hashable {
            /// Their names.
            package var names: NodeNameList
            /// A constant word for the reason.
            package var reason: String
            /// The reason in a sentence.
            package var message: String

            /// Sorts set-aside nodes by their reason, as many as ``maximumNameBytes`` of names hold: whoever asks for the rest
            /// knows only how many there were.
            static func groups(_ nodes: [Plan.SetAside]) -> [SetAsideNodes] {
                let byReason = Dictionary(grouping: nodes) { [$0.reason, $0.message] }
                var result: [SetAsideNodes] = []
                var room = maximumNameBytes
                for (reason, nodes) in byReason.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                    let text = reason[0].utf8.count + reason[1].utf8.count
                    guard let names = NodeNameList(nodes.map(\.node).sorted(), limit: max(0, room - text)) else {
                        continue
                    }
                    room -= text + names.text.utf8.count + names.suffix.utf8.count
                    result.append(SetAsideNodes(names: names, reason: reason[0], message: reason[1]))
                }
                return result
            }
        }

        /// Makes an empty list.
        package init() {}

        /// At most ``maximumDetails``; a node's byte holds its position, from 1.
        package internal(set) var details: [Detail] = []
        /// Set-aside nodes that are not told yet.
        package internal(set) var setAside: [SetAsideNodes] = []

        /// Whether nothing is to be told again.
        package var isEmpty: Bool { details.isEmpty && setAside.isEmpty }

        /// So many positions fit into a node's byte beside ``undetailed``.
        static let maximumDetails = 30
        /// The position of an end of which only the kind is known.
        static let undetailed: UInt8 = 31
        /// So many bytes of details are kept: failures of many nodes may each have words of their own.
        static let maximumBytes = 48 << 10
        /// So many bytes of names are kept for one reason; with more, the task is checked anew after a take-over.
        static let maximumNameBytes = 96 << 10
    }

    /// Marks the ends among drafts in a snapshot.
    ///
    /// - Returns: `false` when they need too much room.
    func note(_ drafts: [TaskEventDraft], in snapshot: inout Snapshot) -> Bool {
        var positions: [UntoldEnds.Detail: UInt8] = [:]
        var bytes = 0
        var setAside: [Plan.SetAside] = []
        for draft in drafts where draft.kind.isNodeEnd {
            guard let node = draft.node else { continue }
            guard let index = indices[node] else {
                setAside.append(.init(node: node, reason: draft.reason ?? "", message: draft.message ?? ""))
                continue
            }
            let detail = UntoldEnds.Detail(draft)
            if positions[detail] == nil {
                bytes += detail.size
                if positions.count < UntoldEnds.maximumDetails, bytes <= UntoldEnds.maximumBytes {
                    snapshot.untold.details.append(detail)
                    positions[detail] = UInt8(snapshot.untold.details.count)
                }
            }
            snapshot.statuses[index] |= positions[detail] ?? UntoldEnds.undetailed
        }
        let groups = Dictionary(grouping: setAside) { [$0.reason, $0.message] }
        for (reason, nodes) in groups.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let names = nodes.map(\.node).sorted()
            guard let list = NodeNameList(names, limit: UntoldEnds.maximumNameBytes) else { return false }
            snapshot.untold.setAside.append(.init(names: list, reason: reason[0], message: reason[1]))
        }
        return true
    }

    /// Takes the ends that may not have been told out of a snapshot.
    mutating func takeUntold(_ snapshot: Snapshot) {
        untold = snapshot.untold
        for (index, byte) in snapshot.statuses.enumerated() where NodeStatus(byte: byte).isEnd && byte & 31 != 0 {
            untoldNodes.append((index, byte & 31))
        }
    }

    /// Tells them, again or for the first time.
    mutating func tellUntold() {
        for group in untold.setAside {
            for name in group.names.names ?? [] {
                emitNode(.nodeSkipped, name, attempt: 0, reason: group.reason, message: group.message)
            }
        }
        for (index, position) in untoldNodes {
            let kind: TaskEventDraft.Kind
            switch nodes[index].status {
            case .succeeded: kind = .nodeSucceeded
            case .failed: kind = .nodeFailed
            case .skipped: kind = .nodeSkipped
            case .pending, .working, .waiting: continue
            }
            let name = nodes[index].name
            guard untold.details.indices.contains(Int(position) - 1) else {
                let lost = "The node failed; why was lost with the executor that saw it."
                emitNode(kind, name, attempt: 0, message: kind == .nodeFailed ? lost : nil)
                continue
            }
            let detail = untold.details[Int(position) - 1]
            emitNode(
                kind,
                name,
                attempt: detail.attempt,
                images: detail.images,
                reason: detail.reason,
                message: detail.message
            )
        }
        untold = UntoldEnds()
        untoldNodes = []
    }
}

extension TaskRun.UntoldEnds.Detail {
    init(_ draft: TaskEventDraft) {
        self.init(
            attempt: draft.attempt ?? 0,
            images: draft.images,
            reason: draft.reason,
            message: draft.message
        )
    }

    /// About how many bytes it takes.
    var size: Int {
        images.reduce(60 + (message?.utf8.count ?? 0)) { sum, image in
            sum + 60 + image.image.utf8.count + (image.digest?.utf8.count ?? 0)
                + (image.failure?.message.utf8.count ?? 0)
        }
    }
}

extension TaskRun.UntoldEnds: JSONEncodable, JSONDecodable {
    /// The ends as they stand in the record.
    package var json: JSONValue {
        var object: JSONObject = [:]
        if !details.isEmpty { object["details"] = .array(details.map(\.json)) }
        if !setAside.isEmpty {
            object["setAside"] = .array(setAside.map(\.json))
        }
        return .object(object)
    }

    /// Reads ends.
    ///
    /// - Parameter json: What ``json`` made.
    /// - Throws: `JSONMappingError` for another shape.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init()
        for detail in try json.optionalArray("details") ?? [] { details.append(try Detail(json: detail)) }
        for group in try json.optionalArray("setAside") ?? [] { setAside.append(try SetAsideNodes(json: group)) }
    }
}

extension TaskRun.UntoldEnds.SetAsideNodes: JSONEncodable, JSONDecodable {
    /// The nodes of one reason within a record.
    package var json: JSONValue {
        [
            "nameSuffix": .string(names.suffix), "names": .string(names.text), "reason": .string(reason),
            "message": .string(message),
        ]
    }

    /// Reads nodes of one reason.
    ///
    /// - Parameter json: What ``json`` made.
    /// - Throws: `JSONMappingError` for another shape.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            names: NodeNameList(
                suffix: try json.optionalString("nameSuffix") ?? "",
                text: try json.requiredString("names")
            ),
            reason: try json.requiredString("reason"),
            message: try json.requiredString("message")
        )
    }
}

extension TaskRun.UntoldEnds.Detail: JSONEncodable, JSONDecodable {
    /// The detail within a record.
    package var json: JSONValue {
        var object: JSONObject = ["attempt": .integer(Int64(attempt))]
        if !images.isEmpty {
            object["images"] = .array(
                images.map { image in
                    var entry: JSONObject = ["image": .string(image.image), "phase": .string(image.phase.rawValue)]
                    if let digest = image.digest { entry["digest"] = .string(digest) }
                    if let bytes = image.bytes { entry["bytes"] = .integer(bytes) }
                    if let milliseconds = image.milliseconds { entry["pullMilliseconds"] = .integer(milliseconds) }
                    if let failure = image.failure {
                        entry["cause"] = .string(failure.cause.rawValue)
                        entry["message"] = .string(failure.message)
                    }
                    return .object(entry)
                }
            )
        }
        if let reason { object["reason"] = .string(reason) }
        if let message { object["message"] = .string(message) }
        return .object(object)
    }

    /// Reads a detail.
    ///
    /// - Parameter json: What ``json`` made; causes that this version does not know become `Unknown`.
    /// - Throws: `JSONMappingError` for another shape.
    package init(json: JSONValue) throws(JSONMappingError) {
        attempt = max(0, try json.requiredInteger("attempt"))
        images = []
        for image in try json.optionalArray("images") ?? [] {
            guard let phase = ImagePhase(rawValue: try image.requiredString("phase")) else {
                throw JSONMappingError(pointer: JSONPointer().appending("phase"), expected: "an image's phase")
            }
            var outcome = TaskRun.ImageOutcome(image: try image.requiredString("image"), phase: phase)
            outcome.digest = try image.optionalString("digest")
            outcome.bytes = try image.optionalInteger("bytes").map { Int64($0) }
            outcome.milliseconds = try image.optionalInteger("pullMilliseconds").map { Int64($0) }
            if let cause = try image.optionalString("cause") {
                outcome.failure = TaskRun.ImageFailure(
                    cause: FailureCause(rawValue: cause) ?? .unknown,
                    message: try image.optionalString("message") ?? ""
                )
            }
            images.append(outcome)
        }
        reason = try json.optionalString("reason")
        message = try json.optionalString("message")
    }
}
