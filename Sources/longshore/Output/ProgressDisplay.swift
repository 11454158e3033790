import LongshoreDomain
import LongshoreMessages

/// Shows a task on a terminal: one bar for the whole, one for each node in work, rewritten in place.
struct ProgressDisplay {
    private let id: String
    private let width: Int
    private let usesColor: Bool
    /// What is being waited for, where nothing moves.
    var notice: String?
    private var shownLines = 0
    private static let maximumNodes = 16

    init(id: String, width: Int, usesColor: Bool) {
        self.id = id
        self.width = max(width, 40)
        self.usesColor = usesColor
    }

    /// The text that brings the terminal from the last picture to the view's state.
    mutating func update(_ view: TaskView) -> String {
        let lines = lines(of: view)
        // Up to where the last picture began, then each line anew, then nothing below.
        var text = shownLines > 0 ? "\u{1B}[\(shownLines)A" : ""
        for line in lines { text += "\u{1B}[2K\(line)\n" }
        text += "\u{1B}[J"
        shownLines = lines.count
        return text
    }

    /// The picture, line by line.
    func lines(of view: TaskView) -> [String] {
        let counts = view.counts
        var head = "\(id)  \(view.phase?.rawValue ?? "waiting")"
        if counts.nodesTotal > 0 {
            head += "  \(counts.succeeded) of \(Plural.count(counts.nodesTotal, "node"))"
            if counts.failed > 0 { head += ", \(counts.failed) failed" }
            if counts.skipped > 0 { head += ", \(counts.skipped) skipped" }
        }
        let percent = "\(Int(view.share * 100))%"
        var total = "\(bar(view.share, width: min(40, width - 24))) \(percent)"
        if let remaining = view.progress?.remaining, view.phase == .pulling {
            total += "  about \(Self.text(remaining)) left"
        }
        let order: [NodePhase] = [.pulling, .failed, .pending, .skipped, .succeeded]
        let nodes = view.nodes.values.sorted {
            let (left, right) = (order.firstIndex(of: $0.phase) ?? 9, order.firstIndex(of: $1.phase) ?? 9)
            return left == right ? NaturalOrder.precedes($0.name, $1.name) : left < right
        }
        let nameWidth = min(nodes.prefix(Self.maximumNodes).map(\.name.count).max() ?? 0, width / 3)
        var lines = [cut(head), total]
        lines += nodes.prefix(Self.maximumNodes).map { line(of: $0, nameWidth: nameWidth) }
        if nodes.count > Self.maximumNodes {
            lines.append("  and \(Plural.count(nodes.count - Self.maximumNodes, "more node"))")
        }
        if let notice { lines.append(cut("  \(Console.printable(notice))")) }
        return lines
    }

    private func line(of node: TaskView.Node, nameWidth: Int) -> String {
        let name = Self.pad(String(Console.printable(node.name).prefix(nameWidth)), to: nameWidth)
        let total = max(node.images.count, 1)
        let share = node.phase == .succeeded ? 1 : Double(node.done) / Double(total)
        var text = " \(node.done)/\(node.images.count) \(node.phase.rawValue)"
        if node.attempt > 1 { text += ", attempt \(node.attempt)" }
        if let cause = node.cause {
            text += ": \(cause.rawValue)"
        } else if let reason = node.reason {
            text += ": \(reason)"
        }
        let plain = "  \(name) \(bar(share, width: 16))\(Console.printable(text))"
        return colored(cut(plain), node.phase)
    }

    private func bar(_ share: Double, width: Int) -> String {
        let filled = Int((Double(width) * min(max(share, 0), 1)).rounded(.down))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "]"
    }

    private func cut(_ line: String) -> String { line.count > width ? line.prefix(width - 1) + "…" : line }

    private func colored(_ line: String, _ phase: NodePhase) -> String {
        guard usesColor else { return line }
        switch phase {
        case .succeeded: return "\u{1B}[32m\(line)\u{1B}[0m"
        case .failed: return "\u{1B}[31m\(line)\u{1B}[0m"
        case .skipped: return "\u{1B}[2m\(line)\u{1B}[0m"
        case .pending, .pulling: return line
        }
    }

    static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// A duration as people say it: `45s`, `3m`, `2h5m`.
    static func text(_ duration: Duration) -> String {
        let seconds = Int(duration.components.seconds)
        switch seconds {
        case ..<60: return "\(max(seconds, 0))s"
        case ..<3_600:
            return seconds % 60 == 0 || seconds >= 600 ? "\(seconds / 60)m" : "\(seconds / 60)m\(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3_600)h\(seconds % 3_600 / 60)m"
        default: return "\(seconds / 86_400)d\(seconds % 86_400 / 3_600)h"
        }
    }
}
