import WireFormats

/// ResourceQuotas, as far as they bound how many objects of a kind a namespace may have: `count/<resource>.<group>`, and `pods`,
/// which counts Pods that have not ended. Others (CPU, memory, storage) are kept and bound nothing.
enum QuotaRules {
    /// What a quota allows.
    struct Bound: Sendable, Hashable {
        let quota: String
        /// The quota's key, such as `count/jobs.batch`.
        let key: String
        let hard: Int

        /// Why one more object is refused.
        func refusal(used: Int) -> String {
            "exceeded quota: \(quota), requested: \(key)=1, used: \(key)=\(used), limited: \(key)=\(hard)"
        }
    }

    static let validate: ResourceHooks.Validate = { new, _ in
        (new[path: "spec", "hard"]?.object ?? [:]).compactMap { key, value -> FieldError? in
            guard key.hasPrefix("count/") || key == "pods", count(value) == nil else { return nil }
            return .invalid("spec.hard[\(key)]", value, "must be an integer")
        }
    }

    /// The bounds on objects of a kind in a namespace.
    static func bounds(on resource: GroupResource, in namespace: String, _ store: ObjectStore) -> [Bound] {
        guard store.count(.resourceQuotas) > 0 else { return [] }
        let keys = ["count/\(resource)"] + (resource == .pods ? ["pods"] : [])
        return store.list(.resourceQuotas, namespace: namespace).objects.flatMap { quota in
            keys.compactMap { key in
                guard let hard = quota.json[path: "spec", "hard"]?[key].flatMap(count) else { return nil }
                return Bound(quota: quota.key.name, key: key, hard: hard)
            }
        }
    }

    /// Whether a quota that has this key counts the object.
    static func counts(_ object: StoredObject, for key: String) -> Bool {
        key != "pods" || !["Succeeded", "Failed"].contains(object.json[path: "status", "phase"]?.string ?? "")
    }

    private static func count(_ value: JSONValue) -> Int? { value.integer ?? value.string.flatMap { Int($0) } }
}
