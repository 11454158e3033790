import FoundationEssentials
import Redaction

/// Takes secrets from where they may stand: files and the environment, never the command line, which every process can read.
enum SecretInput {
    /// The content of a file without the line's end that editors leave, or of standard input for `-`.
    ///
    /// - Parameter path: The file.
    /// - Returns: The secret.
    /// - Throws: ``CommandFailure`` when it cannot be read or is empty.
    static func file(_ path: String) throws -> SecretBytes {
        var bytes = try content(of: path)
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard !bytes.isEmpty else { throw CommandFailure.usage("the file \(path) is empty") }
        return SecretBytes(bytes)
    }

    /// The content of a file, or of standard input for `-`.
    static func content(of path: String) throws -> [UInt8] {
        if path == "-" {
            var text = ""
            while let line = readLine(strippingNewline: false) { text += line }
            return Array(text.utf8)
        }
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw CommandFailure.usage("the file \(path) cannot be read")
        }
        return [UInt8](data)
    }

    /// The environment variable for a registry's password: `LONGSHORE_PASSWORD_HARBOR_EXAMPLE_COM`.
    static func variable(for registry: String) -> String {
        "LONGSHORE_PASSWORD_"
            + String(registry.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }
}
