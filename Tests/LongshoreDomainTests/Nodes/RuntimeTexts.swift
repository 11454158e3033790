import LongshoreDomain
import Testing

/// Texts that kubelets, runtimes and registries have been seen to give, each with where it is from: a thread of a public
/// repository (`owner/name#number`), or the source file whose format it is filled in from. Names of hosts, images and digests
/// are replaced by shorter ones; the rest is as it was.
struct RuntimeTexts: Sendable, CustomTestStringConvertible {
    var cause: FailureCause
    /// Whether another attempt could end better.
    var isWorthRetrying: Bool
    var source: String
    var text: String
    var testDescription: String { "\(source): \(text.prefix(60))" }

    static let all = containerd + crio + others

    /// Reads lines of `cause ¦ retry or final ¦ source ¦ text`; `⏎` stands for a line break in the text.
    static func parse(_ table: String) -> [RuntimeTexts] {
        table.split(separator: "\n").map { line in
            let columns = line.split(separator: " ¦ ", maxSplits: 3).map(String.init)
            guard columns.count == 4, let cause = FailureCause(rawValue: columns[0]),
                ["retry", "final"].contains(columns[1])
            else { fatalError("not a line of the table: \(line)") }
            let text = String(columns[3].map { $0 == "⏎" ? "\n" : $0 })
            return RuntimeTexts(
                cause: cause,
                isWorthRetrying: columns[1] == "retry",
                source: columns[2],
                text: text
            )
        }
    }
}
