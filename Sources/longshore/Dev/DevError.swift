/// Why `longshore dev` cannot start; its text is for the person at the terminal.
struct DevError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
