import WireFormats

/// Binds a Pod to a node, as the `binding` subresource does.
enum Binding {
    @discardableResult
    static func bind(_ objects: ObjectAPI, _ key: ObjectKey, to node: String) -> StoredObject? {
        let now = Timestamp.now().rfc3339Seconds
        return objects.update(.pods, key) { pod in
            pod.update("spec") { $0["nodeName"] = .string(node) }
            pod.update("status") { status in
                Conditions.set(&status, type: "PodScheduled", status: "True", now: now)
            }
        }
    }
}

/// The list `status.conditions`.
enum Conditions {
    /// Sets a condition; its transition time changes only with its status.
    static func set(
        _ status: inout JSONValue,
        type: String,
        status value: String,
        reason: String? = nil,
        message: String? = nil,
        now: String
    ) {
        var conditions = status["conditions"]?.array ?? []
        let index = conditions.firstIndex { $0["type"]?.string == type }
        let old = index.map { conditions[$0] }
        let isSame = old?["status"]?.string == value
        let transition = isSame ? old?["lastTransitionTime"] ?? .string(now) : .string(now)
        var condition: JSONValue = ["type": .string(type), "status": .string(value), "lastTransitionTime": transition]
        condition.setIfPresent("reason", reason.map { .string($0) })
        condition.setIfPresent("message", message.map { .string($0) })
        if let index { conditions[index] = condition } else { conditions.append(condition) }
        status["conditions"] = .array(conditions)
    }

    /// The status of a condition: `True`, `False` or `Unknown`.
    static func value(_ object: JSONValue, _ type: String) -> String? {
        (object[path: "status", "conditions"]?.array ?? []).first { $0["type"]?.string == type }?["status"]?.string
    }
}
