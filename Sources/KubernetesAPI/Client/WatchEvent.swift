/// A change that a watch tells of.
package enum WatchEvent<R: KubernetesResource>: Sendable {
    /// The object is new, or now matches the selection.
    case added(R)
    /// The object has changed.
    case modified(R)
    /// The object is gone, or no longer matches the selection; as it was last.
    case deleted(R)
    /// Nothing has happened up to a version, which can be resumed from.
    case bookmark(resourceVersion: String)
    /// An object changed into something that cannot be read as `R`.
    case unreadable(ObjectKey, resourceVersion: String?)

    /// The object; `nil` for a bookmark.
    package var object: R? {
        switch self {
        case .added(let object), .modified(let object), .deleted(let object): object
        case .bookmark, .unreadable: nil
        }
    }

    /// The version to resume after.
    package var resourceVersion: String? {
        switch self {
        case .added(let object), .modified(let object), .deleted(let object): object.metadata.resourceVersion
        case .bookmark(let version): version
        case .unreadable(_, let version): version
        }
    }
}
