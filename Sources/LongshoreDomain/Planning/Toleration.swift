/// A node's taint.
package struct Taint: Sendable, Hashable {
    /// What a taint does to Pods that do not tolerate it.
    package enum Effect: String, Sendable, Hashable, CaseIterable {
        /// No new Pods.
        case noSchedule = "NoSchedule"
        /// Preferably no new Pods.
        case preferNoSchedule = "PreferNoSchedule"
        /// No new Pods, and running ones are evicted.
        case noExecute = "NoExecute"
    }

    /// The taint's key.
    package let key: String
    /// The taint's value, often empty.
    package let value: String
    /// What it does.
    package let effect: Effect

    /// The taint of a cordoned node.
    package static let unschedulableKey = "node.kubernetes.io/unschedulable"

    /// Makes a taint.
    ///
    /// - Parameters:
    ///   - key: The taint's key.
    ///   - value: The taint's value.
    ///   - effect: What it does.
    package init(key: String, value: String = "", effect: Effect) {
        self.key = key
        self.value = value
        self.effect = effect
    }
}

/// A toleration in the terms of a Pod's `tolerations`.
package struct Toleration: Sendable, Hashable {
    /// How the value is compared.
    package enum Operator: String, Sendable, Hashable, CaseIterable {
        /// Key and value are the same.
        case equal = "Equal"
        /// Only the key counts; without a key, every taint is tolerated.
        case exists = "Exists"
    }

    /// The taint's key; nothing, with `Exists`, means every key.
    package let key: String?
    /// How the value is compared.
    package let `operator`: Operator
    /// The taint's value, for `Equal`.
    package let value: String
    /// The taint's effect; nothing means every effect.
    package let effect: Taint.Effect?

    /// Makes a toleration.
    ///
    /// - Parameters:
    ///   - key: The taint's key.
    ///   - operator: How the value is compared.
    ///   - value: The taint's value.
    ///   - effect: The taint's effect.
    package init(key: String?, operator: Operator = .exists, value: String = "", effect: Taint.Effect? = nil) {
        self.key = key
        self.operator = `operator`
        self.value = value
        self.effect = effect
    }

    /// Whether a taint is tolerated (`ToleratesTaint` of Kubernetes' core/v1 helpers).
    ///
    /// - Parameter taint: The taint.
    /// - Returns: True when the taint does not keep the Pod away.
    package func tolerates(_ taint: Taint) -> Bool {
        if let effect, effect != taint.effect { return false }
        if let key, key != taint.key { return false }
        return switch `operator` {
        case .exists: true
        case .equal: key != nil && value == taint.value
        }
    }
}
