extension TaskRun {
    /// What is to be pulled where, as the check found it.
    package struct Plan: Sendable, Hashable {
        /// The images of some nodes. Nodes without overrides share one set, so that a plan for a hundred thousand nodes stays small.
        package struct ImageSet: Sendable, Hashable {
            /// Canonical references, in the order of the request.
            package var images: [String]
            /// The Secret that each image is pulled with; shorter than the images where the rest needs none.
            package var secretNames: [String?]

            /// Makes a set.
            package init(images: [String], secretNames: [String?] = []) {
                self.images = images
                self.secretNames = secretNames
            }

            /// The Secrets that some of the images need, each once: no Pod is given more than its images need.
            func secretNames(of images: [String]) -> [String] {
                var result: [String] = []
                for (image, name) in zip(self.images, secretNames) where images.contains(image) {
                    if let name, !result.contains(name) { result.append(name) }
                }
                return result
            }
        }

        /// A node to bring images to.
        package struct Target: Sendable, Hashable {
            /// The node's name.
            package var node: String
            /// Which of ``Plan/imageSets`` it gets.
            package var imageSet: Int
            /// The positions in the set of the images that the node is known to have already.
            package var present: [Int]

            /// Makes a target.
            package init(node: String, imageSet: Int = 0, present: [Int] = []) {
                self.node = node
                self.imageSet = imageSet
                self.present = present
            }
        }

        /// A node that was asked for and is left out.
        package struct SetAside: Sendable, Hashable {
            /// The node's name.
            package var node: String
            /// A constant word for the reason, such as `NotReady`.
            package var reason: String
            /// The reason in a sentence.
            package var message: String

            /// Makes a set-aside node.
            package init(node: String, reason: String, message: String) {
                self.node = node
                self.reason = reason
                self.message = message
            }
        }

        /// The sets that targets refer to.
        package var imageSets: [ImageSet]
        /// The nodes to bring images to; of targets with the same name only the first counts.
        package var targets: [Target]
        /// The nodes left out.
        package var skipped: [SetAside]
        /// Images that the registry refused or does not have, by canonical reference. No node is asked to pull them.
        package var badImages: [String: ImageFailure]
        /// What the check could not find out, in a sentence for the task's owner; scrubbed and bounded by the caller.
        package var note: String?

        /// Makes a plan.
        package init(
            imageSets: [ImageSet],
            targets: [Target],
            skipped: [SetAside] = [],
            badImages: [String: ImageFailure] = [:]
        ) {
            self.imageSets = imageSets
            self.targets = targets
            self.skipped = skipped
            self.badImages = badImages
        }

        /// Takes over what ``planNodes(spec:facts:)`` found.
        ///
        /// - Parameters:
        ///   - plan: Nodes with their images; neighbours that share a list of images share a set.
        ///   - badImages: What the registries said, by canonical reference.
        package init(_ plan: NodePlan, badImages: [String: ImageFailure] = [:]) {
            var sets: [ImageSet] = []
            var positions: [[PlannedImage]: Int] = [:]
            var last: (images: [PlannedImage], position: Int)?
            var targets: [Target] = []
            targets.reserveCapacity(plan.targets.count)
            for target in plan.targets {
                // Lists that share their storage compare in no time, so the usual plan hashes one list, not one a node.
                var position = last.flatMap { $0.images == target.plannedImages ? $0.position : nil }
                position = position ?? positions[target.plannedImages]
                if position == nil {
                    let images = target.plannedImages
                    sets.append(
                        ImageSet(images: images.map(\.reference.canonical), secretNames: images.map(\.secretName))
                    )
                    positions[images] = sets.count - 1
                }
                let found = position ?? sets.count - 1
                last = (target.plannedImages, found)
                let present =
                    target.presentImages.isEmpty
                    ? []
                    : target.plannedImages.indices.filter {
                        target.presentImages.contains(target.plannedImages[$0].reference)
                    }
                targets.append(Target(node: target.name, imageSet: found, present: present))
            }
            self.init(
                imageSets: sets,
                targets: targets,
                skipped: plan.skipped.map { SetAside(node: $0.name, reason: $0.reason.rawValue, message: $0.message) },
                badImages: badImages
            )
        }
    }

    /// Why an image failed.
    package struct ImageFailure: Sendable, Hashable {
        /// The classified cause.
        package var cause: FailureCause
        /// The words of the registry or runtime, scrubbed and bounded by the caller.
        package var message: String

        /// Makes a failure.
        package init(cause: FailureCause, message: String) {
            self.cause = cause
            self.message = message
        }
    }
}
