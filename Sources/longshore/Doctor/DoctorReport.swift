/// What `longshore doctor` has found.
struct DoctorReport: Sendable, Hashable {
    /// How it is about one thing.
    enum Verdict: String, Sendable, Hashable {
        case ok
        /// Work is done, but not as it might be meant.
        case warning
        /// Something does not work.
        case failed
        /// It could not be found out.
        case unknown
    }

    /// One thing that was looked at.
    struct Finding: Sendable, Hashable {
        let verdict: Verdict
        /// What was looked at: `token`, `topic longshore.events` …
        let subject: String
        /// What was found and, where it is not well, what to do.
        let detail: String
        /// The exit code where it has failed.
        var code = CommandFailure.Code.unreachable
    }

    private(set) var findings: [Finding] = []

    mutating func add(_ verdict: Verdict, _ subject: String, _ detail: String) {
        findings.append(Finding(verdict: verdict, subject: subject, detail: detail))
    }

    /// Adds what has failed, with the exit code for it.
    mutating func fail(_ subject: String, _ failure: CommandFailure) {
        let sentence = failure.message.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: "; ")
        findings.append(Finding(verdict: .failed, subject: subject, detail: sentence, code: failure.code))
    }

    mutating func add(contentsOf other: DoctorReport) { findings += other.findings }

    /// A line for each finding.
    var lines: [String] {
        var table = TextTable("", "", "")
        for finding in findings { table.add(finding.verdict.rawValue, finding.subject, finding.detail) }
        return Array(table.lines.dropFirst())
    }

    /// What the command ends with: the first failure's code, with how many things have failed.
    var failure: CommandFailure? {
        let failed = findings.filter { $0.verdict == .failed }
        guard let first = failed.first else { return nil }
        return CommandFailure(first.code, "\(Plural.count(failed.count, "thing")) not well")
    }
}
