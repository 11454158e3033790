/// Programs in Python, with which official libraries of other ecosystems check ours.
package enum Python {
    /// Whether the interpreter and the named modules are there. Tests that need them are skipped where they are not.
    package static func has(_ modules: String...) async -> Bool {
        guard
            let process = try? TestProcess("python3", ["-c", "import \(modules.joined(separator: ", "))"]),
            let termination = try? await process.waitForExit()
        else { return false }
        return termination == .exited(0)
    }

    /// Runs a program and returns what it wrote to its standard output.
    ///
    /// - Parameters:
    ///   - program: the program's text.
    ///   - arguments: its arguments, from `sys.argv[1]`.
    ///   - environment: added to the environment of the tests.
    /// - Returns: the standard output.
    /// - Throws: `TestSupportError` with the end of its standard error when it fails.
    package static func run(
        _ program: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> String {
        let process = try TestProcess("python3", ["-c", program] + arguments, environment: environment)
        let termination = try await process.waitForExit()
        guard termination == .exited(0) else {
            throw TestSupportError("python3 ended with \(termination): \(process.standardError.suffix(4_000))")
        }
        return process.standardOutput
    }
}
