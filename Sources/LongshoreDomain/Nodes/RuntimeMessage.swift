/// The words of a kubelet's or runtime's message, without the names in it.
///
/// An image called `example.com/timeout/not-found` must not choose its own cause, so everything that names an image, a tag
/// or an address is left out: quoted names, words that hold a slash, and the word after phrases such as `reading manifest`.
/// Text is in lower case, its words separated by single spaces.
struct RuntimeMessage: Sendable {
    /// The text outside quotes, and after it the quoted parts that hold white space: sentences, since no reference to an
    /// image holds any.
    private(set) var text: [UInt8] = []
    /// All quoted parts, whether sentences or single words.
    private(set) var quoted: [UInt8] = []
    /// The whole message in lower case, names included: for words that no name can hold.
    private(set) var whole: [UInt8] = []

    /// Whether there is nothing to read outside quotes but the beginning that gRPC gives every error.
    private(set) var isQuotedAsAWhole = false

    /// A status message is at most a few KiB; no more than these bytes are read.
    static let maximumBytes = 16 << 10

    /// Reads a message; any length, any content.
    init(_ message: String) {
        whole = message.utf8.prefix(Self.maximumBytes).map(Self.lowered)
        var splitter = QuoteSplitter()
        for byte in whole { splitter.take(byte) }
        splitter.finish()
        text = Self.words(of: splitter.outside)
        isQuotedAsAWhole = Self.isEmptyBesidesGRPC(text)
        for part in splitter.inside {
            let words = Self.words(of: part)
            Self.append(words, to: &quoted)
            guard part.contains(where: Self.isSpace) else { continue }
            // No phrase goes on from one part into the next.
            text.append(UInt8(ascii: "\n"))
            text += words
        }
    }

    private static func isEmptyBesidesGRPC(_ text: [UInt8]) -> Bool {
        var words = text.split(separator: UInt8(ascii: " "))[...]
        let gRPC = ["rpc", "error:", "code", "="].map { Array($0.utf8) }
        while words.count >= 5, zip(words, gRPC).allSatisfy({ $0.elementsEqual($1) }) {
            words = words.dropFirst(5)
            if words.first.map({ $0.elementsEqual("desc".utf8) }) == true { words = words.dropFirst(2) }
        }
        return !words.contains { $0.contains(where: isAlphanumeric) }
    }

    // MARK: - Words

    /// After these words follows a name that no quote marks.
    private static let nameFollows: [(UInt8Words, UInt8Words)] = [
        ("reading", "manifest"), ("manifest", "for"), ("failed", "for"), ("with", "reference"), ("unknown:", "tag"),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    private typealias UInt8Words = [UInt8]
    private static let inputOutput = Array("i/o".utf8)

    private static func words(of bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var previous: (ArraySlice<UInt8>, ArraySlice<UInt8>) = ([], [])
        // Angle brackets are those of a web page that some proxy has given.
        for word in bytes.split(whereSeparator: { isSpace($0) || $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">") }) {
            let isName = nameFollows.contains { previous.0.elementsEqual($0.0) && previous.1.elementsEqual($0.1) }
            previous = (previous.1, word)
            if isName || (word.contains(UInt8(ascii: "/")) && !word.elementsEqual(inputOutput)) { continue }
            append(word, to: &text)
        }
        return text
    }

    private static func append(_ word: some Collection<UInt8>, to text: inout [UInt8]) {
        guard !word.isEmpty else { return }
        if !text.isEmpty { text.append(UInt8(ascii: " ")) }
        text += word
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t")
            || byte == UInt8(ascii: "\r")
    }
}

// MARK: - Searching

extension RuntimeMessage {
    /// Whether `words` occur in `text`, not starting in the middle of a word.
    static func contains(_ text: [UInt8], _ words: [UInt8]) -> Bool {
        guard let first = words.first, text.count >= words.count else { return false }
        for start in 0...(text.count - words.count) where text[start] == first {
            if start > 0 && isAlphanumeric(text[start - 1]) { continue }
            if text[start..<start + words.count].elementsEqual(words) { return true }
        }
        return false
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}

// MARK: - Quotes

/// Tells a text's quoted parts from the rest. Quotes within quotes are marked by backslashes, more at each level, as Go's
/// `%q` writes them; what they hold is dropped.
private struct QuoteSplitter {
    private(set) var outside: [UInt8] = []
    private(set) var inside: [[UInt8]] = []
    private var part: [UInt8] = []
    private var backslashes = 0
    /// How many backslashes marked the open quote; nil outside quotes.
    private var level: Int?
    private var isNested = false

    mutating func take(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\\"):
            backslashes += 1
            return
        case UInt8(ascii: "\""):
            quote()
        default:
            if level == nil { outside.append(byte) } else if !isNested { part.append(byte) }
        }
        backslashes = 0
    }

    /// Ends the text; a quote that is still open ends with it.
    mutating func finish() {
        if level != nil { inside.append(part) }
        level = nil
    }

    private mutating func quote() {
        guard let level else {
            level = backslashes
            part = []
            return
        }
        if backslashes > level {
            isNested.toggle()
        } else {
            inside.append(part)
            self.level = nil
            isNested = false
        }
    }
}
