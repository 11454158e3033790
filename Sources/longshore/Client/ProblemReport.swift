import WireFormats

/// Turns an answer that tells of a problem (RFC 9457) into what a person needs to read.
enum ProblemReport {
    /// The failure behind an answer's status.
    ///
    /// - Parameters:
    ///   - status: The HTTP status, 300 or more.
    ///   - body: The answer's body, a problem as intake writes it or anything else.
    /// - Returns: The failure with the code of the status; every fault has a line.
    static func failure(status: Int, body: [UInt8]) -> CommandFailure {
        let problem = try? JSONValue(parsing: body, limits: .init(maximumDepth: 16))
        let title = problem?["title"]?.string ?? reason(status)
        let detail = problem?["detail"]?.string
        var lines = [detail.map { "\(title): \($0)" } ?? title].map(Console.printable)
        let faults = problem?["errors"]?.array ?? []
        for fault in faults {
            let pointer = fault["pointer"]?.string ?? ""
            let code = fault["code"]?.string ?? ""
            let text = fault["detail"]?.string ?? ""
            lines.append(Console.printable("  \(field(pointer)): \(text) (\(code))"))
        }
        if let count = problem?["errorCount"]?.integer, count > faults.count {
            lines.append("  and \(count - faults.count) more")
        }
        if status == 401 { lines.append("  give a token with --token-file, LONGSHORE_TOKEN or LONGSHORE_TOKEN_FILE") }
        return CommandFailure(CommandFailure.Code(status: status), lines.joined(separator: "\n"))
    }

    /// Writes a warning of an answer to standard error.
    ///
    /// - Parameter json: `{"pointer": …, "code": …, "detail": …}`.
    static func warn(_ json: JSONValue) {
        let place = field(json["pointer"]?.string ?? "")
        Console.error(Console.printable("warning: \(place): \(json["detail"]?.string ?? "")"))
    }

    /// A JSON pointer as people write fields: `images[3].image`.
    static func field(_ pointer: String) -> String {
        guard let tokens = JSONPointer(parsing: pointer)?.tokens, !tokens.isEmpty else { return "request" }
        var text = ""
        for token in tokens {
            if Int(token) != nil {
                text += "[\(token)]"
            } else if token.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) {
                text += text.isEmpty ? token : ".\(token)"
            } else {
                text += "[\"\(token)\"]"
            }
        }
        return text
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 300..<400: "the server redirects elsewhere (status \(status)): give its own URL"
        default: "the server answered with status \(status)"
        }
    }
}
