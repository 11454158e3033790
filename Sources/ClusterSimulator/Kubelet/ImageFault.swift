import Synchronization

/// A failure of image pulls that no registry has to cause.
package struct ImageFault: Sendable {
    /// How a pull fails, in the words of the runtime.
    package enum Failure: Sendable, Equatable {
        case unauthorized
        case forbidden
        case notFound
        case rateLimited
        case network
        case tls
        case diskFull
        case architecture
        /// With this text in place of the runtime's.
        case message(String)
        /// Nothing happens until the Pod goes.
        case hang
    }

    /// The beginning of the canonical reference (`docker.io/library/nginx`), any when empty.
    package var imagePrefix: String
    /// The node, any when nil.
    package var node: String?
    /// How the pull fails.
    package var failure: Failure
    /// How many pulls it hits, all when nil.
    package var count: Int?
    /// Hits only Pods that bring no credential for the image.
    package var onlyWithoutCredential: Bool

    /// Creates a fault.
    package init(
        _ failure: Failure,
        imagePrefix: String = "",
        node: String? = nil,
        count: Int? = nil,
        onlyWithoutCredential: Bool = false
    ) {
        self.failure = failure
        self.imagePrefix = imagePrefix
        self.node = node
        self.count = count
        self.onlyWithoutCredential = onlyWithoutCredential
    }

    fileprivate func matches(_ order: PullOrder) -> Bool {
        order.image.canonical.hasPrefix(imagePrefix) && (node ?? order.node) == order.node
            && !(onlyWithoutCredential && !order.credentials.isEmpty)
    }

    /// What the runtime says; nil for a pull that hangs.
    func outcome(_ image: ImageName) -> PullFailure? {
        switch failure {
        case .unauthorized: .unauthorized(image)
        case .forbidden: .denied(image)
        case .notFound: .notFound(image)
        case .rateLimited: .rateLimited(image)
        case .network: .network(image, "dial tcp: connect: connection refused")
        case .tls: .tls(image)
        case .diskFull: .noSpace(blob: "sha256:0")
        case .architecture: .noPlatform(image)
        case .message(let text): PullFailure(message: text)
        case .hang: nil
        }
    }
}

/// The image faults in force, first match first.
final class ImageFaultTable: Sendable {
    private let faults = Mutex<[ImageFault]>([])

    func add(_ fault: ImageFault) { faults.withLock { $0.append(fault) } }
    func removeAll() { faults.withLock { $0 = [] } }

    func take(_ order: PullOrder) -> ImageFault? {
        faults.withLock { faults in
            guard let index = faults.firstIndex(where: { $0.matches(order) }) else { return nil }
            let fault = faults[index]
            if let count = fault.count {
                if count <= 1 { faults.remove(at: index) } else { faults[index].count = count - 1 }
            }
            return fault
        }
    }
}
