import FoundationEssentials

/// Small local files: certificates, tokens, configuration.
enum LocalFile {
    /// The most that is read of a file; none of those meant here comes near it.
    static let maximumBytes = 8 << 20

    /// Whether something is at a path.
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Reads a whole file.
    static func bytes(_ path: String) throws(KubernetesError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw KubernetesError(reason: .configuration, message: "\(path) cannot be read")
        }
        guard data.count <= maximumBytes else {
            throw KubernetesError(reason: .configuration, message: "\(path) is larger than \(maximumBytes) bytes")
        }
        return [UInt8](data)
    }

    /// Reads a file as text without the white space at its ends.
    static func text(_ path: String) throws(KubernetesError) -> String {
        guard let text = String(validating: try bytes(path), as: UTF8.self) else {
            throw KubernetesError(reason: .configuration, message: "\(path) is not UTF-8")
        }
        guard let first = text.firstIndex(where: { !$0.isWhitespace }),
            let last = text.lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(text[first...last])
    }

    /// The folder that holds a file.
    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A path as a file in `directory` means it.
    static func resolve(_ path: String, in directory: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }
}
