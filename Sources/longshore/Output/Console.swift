import FoundationEssentials
import Glibc
import Redaction
import SystemPackage

/// Writes to the process's output at once, so that a pipe's reader sees each line as it comes.
enum Console {
    /// Whether standard output is a terminal.
    static var isTerminal: Bool { isatty(1) == 1 }

    /// The columns of the terminal that standard output is; nil for a pipe or a file, where lines may be of any length. The
    /// variable COLUMNS says it where it is set.
    static var width: Int? {
        if let text = ProcessInfo.processInfo.environment["COLUMNS"], let columns = Int(text), columns > 0 {
            return columns
        }
        guard isTerminal else { return nil }
        var size = winsize()
        guard unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Writes a line to standard output.
    static func print(_ line: String) { write(line + "\n") }

    /// Writes a text to standard output as it is.
    static func write(_ text: String) {
        // A reader that has gone away (`longshore list | head`) is no failure of ours.
        _ = try? FileDescriptor.standardOutput.writeAll(Array(text.utf8))
    }

    /// Writes a line to standard error.
    static func error(_ line: String) {
        _ = try? FileDescriptor.standardError.writeAll(Array((line + "\n").utf8))
    }

    /// A text from elsewhere without anything that a terminal would act on, on one line.
    ///
    /// Messages of registries and runtimes are shown to people; an escape sequence in one could rewrite what they see.
    static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            result.unicodeScalars.append(VisibleText.isInvisible(scalar) ? " " : scalar)
        }
        return result
    }
}
