import FoundationEssentials
import WireFormats

/// The files of earlier versions: `snapshot.json` without the number of a log, and `changes-N.json`, which everybody could read
/// and which kept the values of deleted Secrets. They are read once and removed.
struct OldJournal {
    private let directory: String
    private let numbers: [Int]
    private let snapshot: JSONValue?

    /// Looks for such files.
    ///
    /// - Returns: Nil when there are none.
    /// - Throws: An error of the file system, or of a damaged snapshot.
    init?(directory: String) throws {
        self.directory = directory
        numbers = try Journal.numbers(in: directory, prefix: "changes-", suffix: ".json")
        let path = "\(directory)/snapshot.json"
        var found: JSONValue?
        if FileManager.default.fileExists(atPath: path) {
            found = try JSONValue(parsing: Array(Data(contentsOf: URL(filePath: path))), limits: ChangeLog.limits)
        }
        snapshot = found
        if found?["log"] != nil {
            // What the snapshot was made from, left by a kill.
            remove()
            return nil
        }
        if numbers.isEmpty, found == nil { return nil }
    }

    /// Reads them; returns the number of the first log of the new form.
    func read(into contents: inout JournalContents) throws -> Int {
        contents.revision = UInt64(clamping: snapshot?["revision"]?.integer ?? 0)
        for entry in snapshot?["objects"]?.array ?? [] { contents.apply(entry) }
        let first = Int(snapshot?["next"]?.integer ?? 1)
        // Numbers may be missing: they were used up by writes that failed.
        for number in numbers where number >= first {
            let changes = try JSONValue(
                parsing: Array(Data(contentsOf: URL(filePath: path(number)))),
                limits: ChangeLog.limits
            )
            contents.revision = max(contents.revision, UInt64(clamping: changes["revision"]?.integer ?? 0))
            for entry in changes["changes"]?.array ?? [] { contents.apply(entry) }
        }
        return 1
    }

    /// Removes them.
    func remove() {
        for number in numbers { try? FileManager.default.removeItem(atPath: path(number)) }
    }

    private func path(_ number: Int) -> String { "\(directory)/changes-\(number).json" }
}
