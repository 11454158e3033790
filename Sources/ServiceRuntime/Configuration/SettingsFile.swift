import FoundationEssentials
import LongshoreDomain
import Yams

/// The keys of a configuration file.
enum SettingsFile {
    /// Looks for keys that no service has, and for values that are no value of a key.
    ///
    /// - Parameters:
    ///   - path: A YAML file; JSON is read as YAML, which it is.
    ///   - keys: The keys that the service knows.
    /// - Returns: A sentence for each fault.
    /// - Throws: An error of the file system, or of YAML's grammar.
    static func faults(at path: String, keys: [SettingKey]) throws -> [String] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        guard let node = try Yams.compose(yaml: text) else { return [] }
        guard let mapping = node.mapping else {
            return ["\(path): keys with their values are expected, such as logLevel: debug"]
        }
        let known = keys.flatMap { [$0.fileKey] + [$0.fileReference?.fileKey].compactMap { $0 } }
        return mapping.compactMap { key, value in
            let name = key.scalar?.string ?? "?"
            guard known.contains(name) else {
                let hint = Spelling.nearest(to: name, in: known).map { "; did you mean \($0)?" } ?? ""
                return "\(path): the key “\(name)” is not known\(hint)"
            }
            let isValue = value.scalar != nil || value.sequence?.allSatisfy { $0.scalar != nil } ?? false
            return isValue
                ? nil : "\(path): the value of \(name) must be a text, a number, true or false, or a list of them"
        }
    }
}
