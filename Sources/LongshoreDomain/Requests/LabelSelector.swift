/// Kubernetes' label selector: every label and every expression has to hold. An empty one selects everything.
package struct LabelSelector: Sendable, Hashable {
    /// Labels that must be there with exactly these values.
    package var matchLabels: [String: String]
    /// Expressions that must hold.
    package var matchExpressions: [Requirement]

    /// Makes a selector.
    ///
    /// - Parameters:
    ///   - matchLabels: Labels that must be there with exactly these values.
    ///   - matchExpressions: Expressions that must hold.
    package init(matchLabels: [String: String] = [:], matchExpressions: [Requirement] = []) {
        self.matchLabels = matchLabels
        self.matchExpressions = matchExpressions
    }

    /// Whether it selects everything.
    package var isEmpty: Bool { matchLabels.isEmpty && matchExpressions.isEmpty }

    /// Whether an object with these labels is selected.
    ///
    /// - Parameter labels: The object's labels.
    /// - Returns: True when every label and expression holds.
    package func matches(_ labels: [String: String]) -> Bool {
        matchLabels.allSatisfy { labels[$0.key] == $0.value } && matchExpressions.allSatisfy { $0.matches(labels) }
    }
}

// MARK: - Requirements

extension LabelSelector {
    /// One expression about one label.
    package struct Requirement: Sendable, Hashable {
        /// How the label is compared; Kubernetes' names.
        package enum Operator: String, Sendable, Hashable, CaseIterable {
            /// The label is there with one of the values.
            case isIn = "In"
            /// The label is not there, or has none of the values.
            case isNotIn = "NotIn"
            /// The label is there.
            case exists = "Exists"
            /// The label is not there.
            case doesNotExist = "DoesNotExist"

            /// Whether the operator needs values; the others allow none.
            package var takesValues: Bool { self == .isIn || self == .isNotIn }
        }

        /// The label's key.
        package let key: String
        /// How the label is compared.
        package let `operator`: Operator
        /// What it is compared with; empty for `Exists` and `DoesNotExist`.
        package let values: [String]

        /// Makes an expression.
        ///
        /// - Parameters:
        ///   - key: The label's key.
        ///   - operator: How the label is compared.
        ///   - values: What it is compared with.
        package init(key: String, operator: Operator, values: [String] = []) {
            self.key = key
            self.operator = `operator`
            self.values = values
        }

        /// Whether the expression holds, as in apimachinery's `labels.Requirement.Matches`.
        ///
        /// - Parameter labels: An object's labels.
        /// - Returns: True when it holds. `NotIn` also holds for an object without the label.
        package func matches(_ labels: [String: String]) -> Bool {
            let value = labels[key]
            return switch `operator` {
            case .isIn: value.map(values.contains) ?? false
            case .isNotIn: !(value.map(values.contains) ?? false)
            case .exists: value != nil
            case .doesNotExist: value == nil
            }
        }
    }
}
