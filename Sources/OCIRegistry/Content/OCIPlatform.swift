package import WireFormats

/// What an image runs on (OCI image index, `platform`).
package struct OCIPlatform: Sendable, Hashable, CustomStringConvertible {
    /// `linux`, `windows`, …
    package var os: String
    /// `amd64`, `arm64`, …, as Go names them and as nodes report them.
    package var architecture: String
    /// `v7`, `v8`, …; nil for the architecture's usual one.
    package var variant: String?

    /// Makes a platform.
    package init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    /// `linux/arm/v7`.
    package var description: String { [os, architecture, variant].compactMap(\.self).joined(separator: "/") }

    /// Whether an image for `self` is meant for a node of the given platform. A variant counts only where both name one;
    /// `v8` is the usual one of arm64.
    package func suits(_ node: OCIPlatform) -> Bool {
        guard os == node.os, architecture == node.architecture else { return false }
        guard let variant, let wanted = node.variant else { return true }
        return variant == wanted
    }

    init?(json: JSONValue?) {
        guard let os = json?["os"]?.string, let architecture = json?["architecture"]?.string else { return nil }
        self.init(os: os, architecture: architecture, variant: json?["variant"]?.string)
    }

    /// The member `platform` of a descriptor.
    package var json: JSONValue {
        var value: JSONValue = ["architecture": .string(architecture), "os": .string(os)]
        if let variant { value["variant"] = .string(variant) }
        return value
    }
}
