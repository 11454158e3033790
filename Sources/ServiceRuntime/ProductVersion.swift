/// The version of the product, as `longshore --version` and the announcements of executors tell it.
package enum ProductVersion {
    /// A semantic version (semver.org 2.0.0).
    package static let text = "0.1.0"
}
