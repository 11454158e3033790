import Crypto
import FoundationEssentials
package import Logging
import Synchronization
import WireFormats

/// The bearer tokens that are let in, from a file that holds their SHA-256 only:
/// `{"tokens": [{"name": "ci", "sha256": "<hex>", "project": "default", "role": "submitter"}]}`.
///
/// Thread safety: every method may be called from anywhere.
package final class TokenFile: Sendable {
    private struct Entry: Sendable {
        let hash: [UInt8]
        let principal: Principal
    }

    private struct State {
        var entries: [Entry]
        var contents: Data
    }

    private let path: String
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the file.
    ///
    /// - Parameters:
    ///   - path: Of the file.
    ///   - logger: Told when the file has changed, or cannot be read any more.
    /// - Throws: ``TokenFileError``.
    package init(path: String, logger: Logger) throws(TokenFileError) {
        self.path = path
        self.logger = logger
        let contents = try Self.read(path)
        state = Mutex(State(entries: try Self.parse(contents), contents: contents))
    }

    /// Finds whom a token stands for.
    ///
    /// The time that this takes depends neither on where the token stands in the file nor on how much of it is right.
    ///
    /// - Parameter token: The token that was presented.
    /// - Returns: Nil when it is unknown.
    package func principal(bearing token: String) -> Principal? {
        let hash = Array(SHA256.hash(data: Array(token.utf8)))
        let entries = state.withLock(\.entries)
        var found: Principal?
        for entry in entries where Self.isEqual(entry.hash, hash) { found = entry.principal }
        return found
    }

    /// The projects that tokens belong to; `*` among them means every project.
    package var projects: Set<String> { Set(state.withLock(\.entries).map(\.principal.project)) }

    /// Reads the file again whenever it has changed, until the task is cancelled.
    ///
    /// The contents are compared, not the times: a mounted Kubernetes Secret is a link that is swapped. A file that
    /// cannot be used changes nothing.
    package func follow(every interval: Duration = .seconds(2)) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: interval)
            reload()
        }
    }

    func reload() {
        do throws(TokenFileError) {
            let contents = try Self.read(path)
            guard contents != state.withLock(\.contents) else { return }
            // Remembered even when it is wrong, so that the fault is logged once.
            state.withLock { $0.contents = contents }
            let entries = try Self.parse(contents)
            state.withLock { $0.entries = entries }
            logger.notice("The token file has changed", metadata: ["tokens": "\(entries.count)"])
        } catch {
            logger.error("The token file cannot be used; the tokens stay as they were", metadata: ["error": "\(error)"])
        }
    }

    private static func read(_ path: String) throws(TokenFileError) -> Data {
        do { return try Data(contentsOf: URL(filePath: path)) } catch {
            throw TokenFileError(message: "the token file \(path) cannot be read")
        }
    }

    private static func parse(_ contents: Data) throws(TokenFileError) -> [Entry] {
        do {
            let tokens = try JSONValue(parsing: Array(contents)).requiredArray("tokens")
            var entries: [Entry] = []
            for token in tokens { entries.append(try entry(token)) }
            return entries
        } catch let error as TokenFileError {
            throw error
        } catch {
            throw TokenFileError(message: "the token file is malformed: \(error)")
        }
    }

    private static func entry(_ token: JSONValue) throws -> Entry {
        let name = try token.requiredString("name")
        guard let hash = Hex.decode(try token.requiredString("sha256")), hash.count == 32 else {
            throw TokenFileError(message: "the token \(name) has no SHA-256 of 64 hexadecimal digits")
        }
        guard let role = Role(rawValue: try token.requiredString("role")) else {
            throw TokenFileError(message: "the role of the token \(name) is none of viewer, submitter, admin")
        }
        let project = try token.requiredString("project")
        guard !project.isEmpty else { throw TokenFileError(message: "the token \(name) has no project") }
        return Entry(hash: hash, principal: Principal(name: name, project: project, role: role))
    }

    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        var difference = UInt8(left.count == right.count ? 0 : 1)
        for (one, other) in zip(left, right) { difference |= one ^ other }
        return difference == 0
    }
}

/// Why a token file cannot be used.
package struct TokenFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// For the operator.
    package let message: String

    package var description: String { message }
}
