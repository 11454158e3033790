import FoundationEssentials
import Logging
import Synchronization
import WireFormats

/// Keeps the cluster's objects on disk: a snapshot, and after it logs of the changes since.
///
/// A change is appended before it is made, so that what a client was told is there after a kill at any moment. The values of
/// Secrets stand in neither: each Secret has a file of its own, which goes with it. All files are for their owner alone.
///
/// Logs are numbered. A number is used up by making the file, so that one that is missing was lost and is told.
final class Journal: Sendable {
    private struct State {
        var number = 1
        var log: ChangeLog?
        /// A change that nobody was told of could not be written; a snapshot makes up for it.
        var isBehind = false
    }

    /// A snapshot takes the place of the logs when they are larger than this, in bytes.
    private static let maximumLogBytes = 16 << 20

    private let directory: String
    private let secrets: SecretFiles
    private let logger: Logger
    private let state = Mutex(State())

    /// Opens the folder, making it where it is missing.
    init(directory: String, logger: Logger) throws {
        self.directory = "\(directory)/cluster"
        self.logger = logger
        try PrivateFile.makeDirectory(directory)
        try PrivateFile.makeDirectory(self.directory)
        secrets = try SecretFiles(directory: "\(self.directory)/secrets")
    }

    private var snapshotPath: String { "\(directory)/snapshot.json" }
    private func logPath(_ number: Int) -> String { "\(directory)/log-\(number).jsonl" }

    // MARK: Reading

    /// Puts what was saved back into the store and its definitions into the registry; from then on the store's changes are kept.
    ///
    /// - Throws: ``SimulatorError`` when a file is damaged or missing in the middle.
    func load(into store: ObjectStore, _ registry: ResourceRegistry) throws {
        var contents = JournalContents()
        let old = try OldJournal(directory: directory)
        let number = try old?.read(into: &contents) ?? readLogs(into: &contents)
        try secrets.read(into: &contents)
        for definition in contents.objects[.customResourceDefinitions, default: [:]].values {
            registry.install(definition)
        }
        let list = contents.objects.flatMap { resource, table in table.map { (resource, $0.key, $0.value) } }
        store.restore(list, revision: contents.revision)
        try state.withLock { state in
            state.number = number
            state.log = try ChangeLog(path: logPath(number))
        }
        store.startJournaling(self)
        if let old {
            try writeSnapshot(of: store, isFirst: true)
            old.remove()
        }
    }

    /// Reads the snapshot and the logs behind it; returns the number of the log that goes on.
    private func readLogs(into contents: inout JournalContents) throws -> Int {
        var next = 1
        if FileManager.default.fileExists(atPath: snapshotPath) {
            let snapshot = try JSONValue(
                parsing: Array(Data(contentsOf: URL(filePath: snapshotPath))),
                limits: ChangeLog.limits
            )
            guard let first = snapshot["log"]?.integer, let objects = snapshot["objects"]?.array else {
                throw SimulatorError(code: .dataDirectory, message: "\(snapshotPath) has no “log” or no “objects”")
            }
            next = Int(first)
            contents.revision = UInt64(clamping: snapshot["revision"]?.integer ?? 0)
            for entry in objects { contents.apply(entry) }
        }
        let numbers = try Self.numbers(in: directory, prefix: "log-", suffix: ".jsonl")
        // Those before the snapshot were to be removed when the process was killed.
        for number in numbers where number < next { try FileManager.default.removeItem(atPath: logPath(number)) }
        let later = numbers.filter { $0 >= next }
        for (index, number) in later.enumerated() {
            guard number == next + index else {
                throw SimulatorError(
                    code: .dataDirectory,
                    message: "\(logPath(next + index)) is missing, although \(logPath(number)) is there"
                )
            }
            try readLog(number, isLast: index == later.count - 1, into: &contents)
        }
        return later.last ?? next
    }

    private func readLog(_ number: Int, isLast: Bool, into contents: inout JournalContents) throws {
        let path = logPath(number)
        let (entries, length, torn) = try ChangeLog.read(path)
        for entry in entries { contents.apply(entry) }
        guard let torn else { return }
        guard isLast else {
            throw SimulatorError(code: .dataDirectory, message: "\(path) ends within a line, although others follow it")
        }
        let aside = "\(directory)/torn-\(number)-\(torn.start).txt"
        try PrivateFile.write(torn.bytes, to: aside)
        try ChangeLog(path: path, length: length).close()
        logger.warning(
            "A change was cut off while it was written; it was acknowledged to nobody and is set aside",
            metadata: ["file": "\(aside)", "bytes": "\(torn.bytes.count)"]
        )
    }

    /// The numbers in the names of files, in order.
    static func numbers(in directory: String, prefix: String, suffix: String) throws -> [Int] {
        try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name in
            guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
            return Int(name.dropFirst(prefix.count).dropLast(suffix.count))
        }.sorted()
    }

    // MARK: Writing

    /// Writes a change down; it may be made only when this returns.
    ///
    /// - Parameters:
    ///   - event: The change.
    ///   - isRequired: Whether the change is not made without this. Without one that is made all the same the next start would
    ///     not know of it, so a snapshot follows as soon as there is room.
    /// - Throws: `Errno` when the disk does not take it.
    func append(_ event: StoreEvent, isRequired: Bool) throws {
        try state.withLock { state in
            do {
                if event.resource == .secrets, event.kind != .deleted { return try secrets.write(event.object) }
                try state.log?.append(JournalContents.line(event))
                if event.resource == .secrets { secrets.remove(event.object.uid) }
            } catch {
                if !isRequired { state.isBehind = true }
                throw error
            }
        }
    }

    /// Writes a snapshot if it is time for one.
    ///
    /// - Parameter store: The store whose changes are kept here.
    /// - Throws: An error of the file system; the logs stay then.
    func tidy(_ store: ObjectStore) throws {
        let isDue = state.withLock { $0.isBehind || ($0.log?.length ?? 0) > Self.maximumLogBytes }
        if isDue { try writeSnapshot(of: store) }
    }

    private func writeSnapshot(of store: ObjectStore, isFirst: Bool = false) throws {
        // Under the store's lock: every change stands either in the snapshot or in the log that begins here.
        let (objects, revision, first) = try store.checkpoint { objects in
            try state.withLock { state in
                // Those that the disk did not take when they were made or deleted.
                if state.isBehind || isFirst { try secrets.keep(only: objects.filter { $0.0 == .secrets }.map(\.1)) }
                let log = try ChangeLog(path: logPath(state.number + 1), length: 0)
                state.log?.close()
                state.log = log
                state.number += 1
                return state.number
            }
        }
        let entries = objects.filter { $0.0 != .secrets }.map { JournalContents.entry($0.0, $0.1.json) }
        let snapshot: JSONValue = [
            "revision": .integer(Int64(clamping: revision)), "log": .integer(Int64(first)), "objects": .array(entries),
        ]
        try PrivateFile.write(snapshot.serialized(), to: snapshotPath)
        state.withLock { $0.isBehind = false }
        for number in try Self.numbers(in: directory, prefix: "log-", suffix: ".jsonl") where number < first {
            try FileManager.default.removeItem(atPath: logPath(number))
        }
    }
}
