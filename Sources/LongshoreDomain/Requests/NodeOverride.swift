/// A change to images or Secrets on the nodes with certain labels (feature P4): another registry in another region, say.
///
/// All overrides whose selector matches a node apply, in the request's order.
package struct NodeOverride: Sendable, Hashable {
    /// The nodes it is for.
    package var selector: LabelSelector
    /// Changes to every image, in order.
    package var images: [ImageRule]
    /// The Secret with which those nodes pull the images that this override changes; every image when it changes none.
    package var secretName: String?

    /// Makes an override.
    ///
    /// - Parameters:
    ///   - selector: The nodes it is for.
    ///   - images: Changes to every image, in order.
    ///   - secretName: The Secret to pull with instead.
    package init(selector: LabelSelector, images: [ImageRule] = [], secretName: String? = nil) {
        self.selector = selector
        self.images = images
        self.secretName = secretName
    }
}

// MARK: - Rules

extension NodeOverride {
    /// One change to a part of an image reference.
    package struct ImageRule: Sendable, Hashable {
        /// The part that is changed.
        package enum Component: String, Sendable, Hashable, CaseIterable {
            /// Host and port. Removing it leads to Docker Hub.
            case registry
            /// What stands between host and tag.
            case repository
            /// The tag. A new tag also drops the digest, which would say otherwise.
            case tag
        }

        /// What is done to it.
        package enum Operator: String, Sendable, Hashable, CaseIterable {
            /// The value takes the part's place.
            case replace
            /// The value is appended to the part's text.
            case add
            /// The part is taken away; there is no value.
            case remove
        }

        /// The part that is changed.
        package let component: Component
        /// What is done to it.
        package let `operator`: Operator
        /// The new or appended text; empty for `remove`.
        package let value: String

        /// Makes a rule.
        ///
        /// - Parameters:
        ///   - component: The part that is changed.
        ///   - operator: What is done to it.
        ///   - value: The new or appended text.
        package init(component: Component, operator: Operator, value: String = "") {
            self.component = component
            self.operator = `operator`
            self.value = value
        }

        /// Applies the rule.
        ///
        /// - Parameter image: The image as it would be without the rule.
        /// - Returns: The changed image, checked again as a whole.
        /// - Throws: ``ImageReferenceError`` when the result is no reference.
        package func apply(to image: ImageReference) throws(ImageReferenceError) -> ImageReference {
            var domain = image.domain
            var path = image.path
            var tag = image.tag
            var digest = image.digest
            switch component {
            case .registry:
                domain = changed(domain) ?? ImageReference.dockerHubDomain
            case .repository:
                path = changed(path) ?? ""
            case .tag:
                tag = changed(tag ?? "")
                if `operator` != .remove { digest = nil }
            }
            let text = "\(domain)/\(path)" + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
            let result = try ImageReference(parsing: text)
            // A "registry" without a dot or a port would be read as a namespace of Docker Hub.
            if component == .registry, domain != "index.docker.io", result.domain != domain {
                throw ImageReferenceError(code: .invalidDomain)
            }
            return result
        }

        private func changed(_ text: String) -> String? {
            switch `operator` {
            case .replace: value
            case .add: text + value
            case .remove: nil
            }
        }
    }
}
