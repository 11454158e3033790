import WireFormats

/// Random text from the system's generator, for tokens and passwords.
enum RandomText {
    /// Hexadecimal digits.
    ///
    /// - Parameter bytes: How many random bytes; the text is twice as long.
    /// - Returns: The digits, in lower case.
    static func hex(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return Hex.encode((0..<bytes).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}
