/// A fenced block of shell commands in a document.
struct CommandBlock: Sendable, Hashable {
    /// The document's path in the repository.
    let document: String
    /// The number of the block's first command's line.
    let line: Int
    /// The commands, without the indentation of the list that the block may stand in.
    let text: String
    /// Why the tests do not run it, as the comment before it says; nil for a block that runs.
    let reasonNotToRun: String?

    /// Where it is, as editors take it.
    var place: String { "\(document):\(line)" }

    /// The commands, each on one line, without comments and blank lines.
    var commands: [String] {
        text.replacing("\\\n", with: " ").split(separator: "\n").map { line in
            var line = line
            if let comment = line.firstRange(of: "#"), line[..<comment.lowerBound].last.map({ $0 == " " }) ?? true {
                line = line[..<comment.lowerBound]
            }
            return String(line.drop { $0 == " " })
        }
        .filter { !$0.isEmpty }
    }

    /// The languages of fences whose content a reader would type.
    static let languages: Set<String> = ["sh", "bash", "shell", "console", "zsh"]
    private static let marker = "<!-- not run in tests: "

    /// The blocks of a document, in their order.
    ///
    /// - Parameters:
    ///   - markdown: The document's text (CommonMark, section 4.5: fences of three backticks).
    ///   - document: Its path.
    static func all(in markdown: String, document: String) -> [CommandBlock] {
        var blocks: [CommandBlock] = []
        var reason: String?
        var open: (language: String, indent: Int, start: Int, lines: [String])?
        for (index, line) in markdown.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let indent = line.prefix { $0 == " " }.count
            let content = line.dropFirst(indent)
            if var block = open {
                guard !content.hasPrefix("```") else {
                    if languages.contains(block.language) {
                        blocks.append(
                            CommandBlock(
                                document: document,
                                line: block.start,
                                text: block.lines.joined(separator: "\n") + "\n",
                                reasonNotToRun: reason
                            )
                        )
                    }
                    (open, reason) = (nil, nil)
                    continue
                }
                block.lines.append(String(line.dropFirst(min(indent, block.indent))))
                open = block
            } else if content.hasPrefix("```") {
                open = (String(content.dropFirst(3)), indent, index + 2, [])
            } else if content.hasPrefix(marker), content.hasSuffix("-->") {
                reason = String(content.dropFirst(marker.count).dropLast(3)).trimmedEnd
            } else if !content.isEmpty {
                reason = nil
            }
        }
        return blocks
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
