/// One image of a request.
package struct RequestedImage: Sendable, Hashable {
    /// The image.
    package let reference: ImageReference
    /// A Secret in the executor's namespace to pull this one image with, before any other credential.
    package let secretName: String?

    /// Makes a requested image.
    ///
    /// - Parameters:
    ///   - reference: The image.
    ///   - secretName: A Secret to pull it with; nothing means that the request's credentials are matched.
    package init(reference: ImageReference, secretName: String? = nil) {
        self.reference = reference
        self.secretName = secretName
    }
}
