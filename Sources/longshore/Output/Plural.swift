/// Writes counts with the form of the word that belongs to them.
enum Plural {
    /// A count and its word: `1 node`, `2 nodes`.
    static func count(_ number: Int, _ word: String) -> String { "\(number) \(number == 1 ? word : word + "s")" }
}
