import TestSupport
import WireFormats

/// Makes new inputs of a target's samples: by bytes, and by the parts that the input's form has.
struct Mutator {
    private let target: FuzzTarget
    private var pool: [[UInt8]]
    private let samples: Int
    private let words: [[UInt8]]
    private let tree: JSONMutator

    /// What breaks readers of any text.
    private static let words = [
        "\0", "\u{1}", "\t", "\r\n", "\n\n", "\u{7F}", " ", "\"", "\\", "'", ",", ":", ";", "/", "//", "@", "=", "%00",
        "é", "e\u{301}", "\u{202E}", "\u{FEFF}", "😀", "0", "-1", "1", "9223372036854775807", "9223372036854775808",
        "18446744073709551616", "1e400", "null", "true", "{}", "[]", FuzzTarget.canary,
    ]

    init(target: FuzzTarget, samples: [[UInt8]]) {
        self.target = target
        self.samples = samples.count
        pool = samples
        words = (target.words + target.words + Self.words).map { Array($0.utf8) }
        tree = JSONMutator(
            words: target.words,
            donors: samples.flatMap { Self.texts(in: $0, of: target.form) }.compactMap { try? JSONValue(parsing: $0) }
        )
    }

    /// Takes up an input that led to something new.
    mutating func add(_ input: [UInt8]) {
        // Old finds make room; the samples themselves stay.
        if pool.count >= samples + 300 { pool.remove(at: samples) }
        pool.append(input)
    }

    /// The next input.
    mutating func next(using generator: inout SeededGenerator) -> [UInt8] {
        var input = pool.randomElement(using: &generator) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            input = changeForm(input, using: &generator) ?? changeBytes(input, using: &generator)
            if input.count > target.maximumBytes { input.removeSubrange(target.maximumBytes...) }
        }
        return input
    }

    // MARK: - By form

    /// The JSON texts in an input.
    private static func texts(in input: [UInt8], of form: FuzzTarget.Form) -> [[UInt8]] {
        switch form {
        case .text: []
        case .json: [input]
        case .jsonLines: input.split(separator: 0x0A).map { Array($0) }
        case .record: [FuzzedRecord(input).value ?? []]
        }
    }

    /// Changes the tree of a JSON text in an input; nil when it has none, and in some cases anyway.
    private func changeForm(_ input: [UInt8], using generator: inout SeededGenerator) -> [UInt8]? {
        guard Int.random(in: 0..<4, using: &generator) > 0 else { return nil }
        switch target.form {
        case .text:
            return nil
        case .json:
            return changeTree(input, using: &generator)
        case .jsonLines:
            var lines = input.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
            guard let index = lines.indices.randomElement(using: &generator),
                let line = changeTree(lines[index], using: &generator)
            else { return nil }
            lines[index] = line
            return Array(lines.joined(separator: [0x0A]))
        case .record:
            var record = FuzzedRecord(input)
            if let value = record.value, Bool.random(using: &generator) {
                guard let changed = changeTree(value, using: &generator) else { return nil }
                record.value = changed
            } else {
                guard let index = record.lines.indices.randomElement(using: &generator) else { return nil }
                record.lines[index] = changeBytes(record.lines[index], using: &generator)
            }
            return record.bytes
        }
    }

    private func changeTree(_ text: [UInt8], using generator: inout SeededGenerator) -> [UInt8]? {
        guard let json = try? JSONValue(parsing: text) else { return nil }
        return tree.change(json, using: &generator).serialized()
    }

    // MARK: - By bytes

    private func changeBytes(_ input: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = input
        let start = Int.random(in: 0...bytes.count, using: &generator)
        let end = min(bytes.count, start + Int.random(in: 1...16, using: &generator))
        switch Int.random(in: 0..<9, using: &generator) {
        case 0:
            guard start < bytes.count else { break }
            bytes[start] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1:
            guard start < bytes.count else { break }
            bytes[start] = .random(in: 0...255, using: &generator)
        case 2:
            bytes.removeSubrange(start..<end)
        case 3:
            bytes.insert(contentsOf: bytes[start..<end], at: start)
        case 4:
            bytes.removeSubrange(start...)
        case 5:
            bytes.insert(contentsOf: word(using: &generator), at: start)
        case 6:
            bytes.replaceSubrange(start..<end, with: word(using: &generator))
        case 7:
            let repeated = word(using: &generator)
            let count = Int.random(in: 2...400, using: &generator)
            bytes.insert(contentsOf: Array([[UInt8]](repeating: repeated, count: count).joined()), at: start)
        default:
            let other = pool.randomElement(using: &generator) ?? []
            let cut = Int.random(in: 0...other.count, using: &generator)
            bytes.replaceSubrange(start..., with: other[cut...])
        }
        return bytes
    }

    private func word(using generator: inout SeededGenerator) -> [UInt8] {
        words.randomElement(using: &generator) ?? []
    }
}
