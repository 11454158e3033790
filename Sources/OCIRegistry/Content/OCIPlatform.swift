package import WireFormats

/// What an image runs on (OCI image index, `platform`).
package struct OCIPlatform: Sendable, Hashable, CustomStringConvertible {
    /// `linux`, `windows`, …
    package var os: String
    /// `amd64`, `arm64`, …, as Go names them and as nodes report them; other names for the same are understood.
    package var architecture: String
    /// `v7`, `v8`, …; nil for the architecture's usual one.
    package var variant: String?
    /// The build of Windows, `10.0.20348.2227`; nil when it is not known, or for another operating system.
    package var osVersion: String?

    /// Makes a platform.
    package init(os: String, architecture: String, variant: String? = nil, osVersion: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
        self.osVersion = osVersion
    }

    /// `linux/arm/v7`.
    package var description: String { [os, architecture, variant].compactMap(\.self).joined(separator: "/") }

    /// Whether a node of the given platform runs an image for `self`.
    package func suits(_ node: OCIPlatform) -> Bool { rank(for: node) != nil }

    /// Reads the member `platform` of a descriptor, or an image's configuration. As in containerd, what is missing is
    /// empty: no architecture suits no node.
    init?(json: JSONValue?) {
        guard let json, json.object != nil else { return nil }
        self.init(
            os: json["os"]?.string ?? "",
            architecture: json["architecture"]?.string ?? "",
            variant: json["variant"]?.string,
            osVersion: json["os.version"]?.string
        )
    }

    /// The member `platform` of a descriptor.
    package var json: JSONValue {
        var value: JSONValue = ["architecture": .string(architecture), "os": .string(os)]
        if let variant { value["variant"] = .string(variant) }
        if let osVersion { value["os.version"] = .string(osVersion) }
        return value
    }
}

// MARK: - Names

extension OCIPlatform {
    /// The same platform in the usual names: `x86_64` is `amd64`, `aarch64` is `arm64`, `armhf` is `arm/v7`, `v8` is the
    /// usual variant of `arm64` and `v7` that of `arm`. No operating system means that of the node.
    ///
    /// Source: containerd's package `platforms`, `Normalize`.
    package func normalized(on nodeOS: String = "linux") -> OCIPlatform {
        var result = self
        result.os = os.isEmpty ? nodeOS : os.lowercased()
        if result.os == "macos" { result.os = "darwin" }
        let (name, kind) = (architecture.lowercased(), (variant ?? "").lowercased())
        let pair: (String, String) =
            switch (name, kind) {
            case ("i386", _): ("386", "")
            case ("x86_64", "v1"), ("x86-64", "v1"), ("amd64", "v1"): ("amd64", "")
            case ("x86_64", _), ("x86-64", _): ("amd64", kind)
            case ("aarch64", "8"), ("aarch64", "v8"), ("arm64", "8"), ("arm64", "v8"): ("arm64", "")
            case ("aarch64", _): ("arm64", kind)
            case ("armhf", _), ("arm", ""), ("arm", "7"): ("arm", "v7")
            case ("armel", _): ("arm", "v6")
            case ("arm", "5"), ("arm", "6"), ("arm", "8"): ("arm", "v\(kind)")
            default: (name, kind)
            }
        result.architecture = pair.0
        result.variant = pair.1.isEmpty ? nil : pair.1
        return result
    }
}

// MARK: - Matching

extension OCIPlatform {
    /// How well an image for `self` suits a node, 0 being best; nil when the node does not run it.
    ///
    /// A node runs what its processor can: images of earlier variants, `386` on `amd64`, `arm` on `arm64`.
    ///
    /// Source: containerd's package `platforms`, `Only`.
    func rank(for node: OCIPlatform) -> Int? {
        let node = node.normalized()
        let image = normalized(on: node.os)
        guard image.os == node.os, image.suitsBuild(of: node) else { return nil }
        return Self.accepted(by: node).firstIndex {
            $0.architecture == image.architecture && $0.variant == (image.variant ?? "")
        }
    }

    private static func accepted(by node: OCIPlatform) -> [(architecture: String, variant: String)] {
        let variant = node.variant ?? ""
        var accepted = [(architecture: node.architecture, variant: variant)]
        func add(_ architecture: String, _ variants: [String]) {
            accepted += variants.map { (architecture, $0) }
        }
        let version = variant.dropFirst(variant.hasPrefix("v") ? 1 : 0).split(separator: ".").map { Int($0) ?? 0 }
        switch node.architecture {
        case "amd64":
            // The first of them is known by no variant, and matched as such.
            add("amd64", version.first.map { earlier(than: $0, from: 1) } ?? [])
            if version.first.map({ $0 > 1 }) == true { add("amd64", [""]) }
            add("386", [""])
        case "arm":
            add("arm", version.first.map { earlier(than: $0, from: 5) } ?? [])
        case "arm64":
            let major = version.first ?? 8
            var minor = version.count > 1 ? version[1] : 0
            if major == 9 {
                add("arm64", minors(of: 9, below: minor))
                // 9.0 has grown out of 8.5.
                minor += 5
                add("arm64", ["v8.\(minor)"])
            }
            add("arm64", minors(of: 8, below: minor))
            add("arm", ["v8", "v7", "v6", "v5"])
        default:
            break
        }
        return accepted
    }

    private static func earlier(than version: Int, from first: Int) -> [String] {
        guard version > first, version < 100 else { return [] }
        return (first..<version).reversed().map { "v\($0)" }
    }

    /// `v8.4` … `v8.1` and then `v8`, which on `arm64` is no variant at all.
    private static func minors(of major: Int, below minor: Int) -> [String] {
        guard minor > 0, minor < 100 else { return [] }
        return (0..<minor).reversed().map { $0 > 0 ? "v\(major).\($0)" : major == 8 ? "" : "v\(major)" }
    }

    /// Whether the image's build of Windows runs on the node's: the same build before 20348 (Windows Server 2022), from
    /// then on everything between the last long-term release and the node's own. A build that is not known suits.
    private func suitsBuild(of node: OCIPlatform) -> Bool {
        guard node.os == "windows", let host = WindowsBuild(node.osVersion), let image = WindowsBuild(osVersion)
        else { return true }
        guard host.major == image.major, host.minor == image.minor else { return false }
        guard let release = [26_100, 20_348].first(where: { host.build >= $0 }) else {
            return host.build == image.build
        }
        return (release...host.build).contains(image.build)
    }

    private struct WindowsBuild {
        let major: Int
        let minor: Int
        let build: Int

        init?(_ text: String?) {
            let parts = (text ?? "").split(separator: ".").map { Int($0) }
            guard parts.count >= 3, let major = parts[0], let minor = parts[1], let build = parts[2] else { return nil }
            (self.major, self.minor, self.build) = (major, minor, build)
        }
    }
}
