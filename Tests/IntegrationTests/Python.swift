import TestSupport

/// Runs short Python programs, for checks with other people's implementations.
enum Python {
    /// Whether a module can be imported.
    static func has(_ module: String) async throws -> Bool {
        (try? await run("import \(module)")) != nil
    }

    /// Runs a program to its end and returns its standard output; a traceback is thrown.
    static func run(
        _ program: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) async throws
        -> String
    {
        try await TestProcess.run("python3", ["-c", program] + arguments, environment: environment, check: true)
            .standardOutput
    }
}
