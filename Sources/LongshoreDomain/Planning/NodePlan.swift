/// Which nodes a task will work on, and which not.
package struct NodePlan: Sendable, Hashable {
    /// The nodes to work on, by name.
    package var targets: [NodeTarget]
    /// The nodes that are set aside, by name, each once. No node is both here and a target.
    package var skipped: [SkippedNode]
    /// Names that the cluster reported more than once; only the first of each was looked at.
    package var duplicates: [String]

    /// Makes a plan.
    ///
    /// - Parameters:
    ///   - targets: The nodes to work on.
    ///   - skipped: The nodes that are set aside.
    ///   - duplicates: Names that were there more than once.
    package init(targets: [NodeTarget] = [], skipped: [SkippedNode] = [], duplicates: [String] = []) {
        self.targets = targets
        self.skipped = skipped
        self.duplicates = duplicates
    }
}

/// A node to work on.
package struct NodeTarget: Sendable, Hashable {
    /// The node's name.
    package var name: String
    /// The images for this node, overrides applied, each once.
    package var plannedImages: [PlannedImage]
    /// Those of the images that the node already lists and that need not be asked for again: success without a Job.
    package var presentImages: Set<ImageReference>

    /// Makes a target.
    ///
    /// - Parameters:
    ///   - name: The node's name.
    ///   - plannedImages: The images for this node.
    ///   - presentImages: Those that are there already.
    package init(name: String, plannedImages: [PlannedImage], presentImages: Set<ImageReference> = []) {
        self.name = name
        self.plannedImages = plannedImages
        self.presentImages = presentImages
    }

    /// The images for this node, overrides applied, each once.
    package var images: [ImageReference] { plannedImages.map(\.reference) }
    /// The Secrets that the images that are still to be pulled need, each once.
    package var secretNames: [String] {
        secretNames(for: plannedImages.map(\.reference).filter { !presentImages.contains($0) })
    }
    /// Whether every image is there already.
    package var isSatisfied: Bool { plannedImages.allSatisfy { presentImages.contains($0.reference) } }

    /// The Secrets that some of the images need.
    ///
    /// - Parameter images: Images of this node.
    /// - Returns: The Secrets' names in the images' order, each once: no Pod is given more than its images need.
    package func secretNames(for images: [ImageReference]) -> [String] {
        let wanted = Set(images)
        var names: [String] = []
        for image in plannedImages where wanted.contains(image.reference) {
            if let name = image.secretName, !names.contains(name) { names.append(name) }
        }
        return names
    }
}

/// An image for a node and the Secret to pull it with.
package struct PlannedImage: Sendable, Hashable {
    /// The image, overrides applied.
    package var reference: ImageReference
    /// The Secret it is pulled with; nothing means without a credential.
    package var secretName: String?

    /// Makes a planned image.
    ///
    /// - Parameters:
    ///   - reference: The image.
    ///   - secretName: The Secret it is pulled with.
    package init(reference: ImageReference, secretName: String? = nil) {
        self.reference = reference
        self.secretName = secretName
    }
}

/// A node that is set aside.
package struct SkippedNode: Sendable, Hashable {
    /// The node's name.
    package var name: String
    /// Why, as a constant.
    package var reason: SkipReason
    /// Why, in a sentence.
    package var message: String

    /// Makes a skipped node.
    ///
    /// - Parameters:
    ///   - name: The node's name.
    ///   - reason: Why, as a constant.
    ///   - message: Why, in a sentence.
    package init(name: String, reason: SkipReason, message: String) {
        self.name = name
        self.reason = reason
        self.message = message
    }
}

/// Why a node is not worked on.
package enum SkipReason: String, Sendable, Hashable, CaseIterable {
    /// Asked for by name and not in the cluster.
    case unknown = "Unknown"
    /// Asked for by name, and its labels do not match.
    case selectorMismatch = "SelectorMismatch"
    /// Being deleted.
    case deleting = "Deleting"
    /// No machine behind it.
    case virtual = "Virtual"
    /// Its operating system cannot run the puller.
    case operatingSystem = "OperatingSystem"
    /// Not ready.
    case notReady = "NotReady"
    /// Cordoned, and cordoned nodes were not asked for.
    case cordoned = "Cordoned"
    /// A taint keeps new Pods away and is not tolerated.
    case taintNotTolerated = "TaintNotTolerated"
    /// Short of disk: the kubelet is deleting images there.
    case diskPressure = "DiskPressure"
    /// Overrides together make something that is no image reference.
    case invalidOverride = "InvalidOverride"
}
