import ClusterSimulator
import FoundationEssentials
import Logging

/// Where the files of `longshore dev`'s database are: in its folder, or, when the account of the database cannot reach that (below
/// `/root`, for example), in a place of their own, which the folder remembers.
struct DevPostgresFolder {
    let dataFolder: String
    let programs: DevPostgresPrograms
    let logger: Logger

    private static let elsewhere = "/var/lib/longshore-dev"
    private var memo: String { "\(dataFolder)/postgres-folder" }

    /// Makes the folder if it is missing.
    ///
    /// - Returns: Its path.
    /// - Throws: ``DevError`` when the account of the database can use neither place.
    func prepare() async throws -> String {
        if let place = try? String(contentsOf: URL(filePath: memo), encoding: .utf8), !place.isEmpty {
            logger.notice("The database's files are in a place of their own", metadata: ["folder": "\(place)"])
            return try await make(place)
        }
        try await programs.letThrough(dataFolder)
        let inside = try await make("\(dataFolder)/postgres")
        let isReachable = (try? await programs.runAsDatabase(["test", "-w", inside])) != nil
        if isReachable || !DevProcess.isRoot { return inside }
        try FileManager.default.createDirectory(
            atPath: Self.elsewhere,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o711]
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: Self.elsewhere)
        let place = try await make("\(Self.elsewhere)/\(RandomText.hex(bytes: 8))")
        try await programs.runAsDatabase(["test", "-w", place])
        try PrivateFile.write(Array(place.utf8), to: memo)
        logger.notice(
            "The account of the database cannot reach the data folder; the database's files are in a place of their own",
            metadata: ["folder": "\(place)"]
        )
        return place
    }

    private func make(_ path: String) async throws -> String {
        try PrivateFile.makeDirectory(path)
        try await programs.hand(path)
        return path
    }
}
