/// What a container does, as far as the simulator interprets commands.
enum ContainerCommand: Equatable {
    case exits(code: Int, seconds: Double)
    case runsUntilStopped
    /// The runtime cannot start it.
    case startError(String)

    /// What a container finds in its file system.
    struct Files {
        /// Whether its image is the helper image, with busybox and its usual links.
        var isHelper: Bool
        /// Files of the volumes that are mounted, by absolute path.
        var mounted: Set<String>
        /// Mount points that can be written to.
        var writable: [String]

        func has(_ path: String) -> Bool {
            mounted.contains(path) || (isHelper && (path == "/bin/busybox" || Self.links.contains(path)))
        }

        /// Resolves a bare name through the usual PATH.
        func resolve(_ name: String) -> String? {
            if name.contains("/") { return has(name) ? name : nil }
            return ["/bin/\(name)", "/usr/bin/\(name)"].first { has($0) }
        }

        private static let links = Set(
            ["sh", "true", "false", "cp", "sleep", "ls", "echo", "cat", "mkdir", "chmod"].map { "/bin/\($0)" }
        )
    }

    /// Interprets a command line; `copied` collects the files a `cp` makes.
    static func interpret(_ arguments: [String], _ files: Files, copied: inout Set<String>) -> ContainerCommand {
        guard let program = arguments.first else { return .startError("no command specified") }
        guard let path = files.resolve(program) else {
            let why =
                program.contains("/")
                ? "stat \(program): no such file or directory" : "executable file not found in $PATH"
            return .startError(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: \"\(program)\": \(why)"
            )
        }
        var rest = Array(arguments.dropFirst())
        var applet = String(path.split(separator: "/").last ?? "")
        if applet == "busybox" {
            guard let first = rest.first else { return .exits(code: 0, seconds: 0) }
            applet = first
            rest.removeFirst()
        }
        return run(applet, rest, files, &copied)
    }

    private static func run(
        _ applet: String,
        _ arguments: [String],
        _ files: Files,
        _ copied: inout Set<String>
    ) -> ContainerCommand {
        switch applet {
        case "true", "echo", "ls", "cat", "mkdir", "chmod": return .exits(code: 0, seconds: 0)
        case "false": return .exits(code: 1, seconds: 0)
        case "sleep":
            guard let text = arguments.first else { return .exits(code: 1, seconds: 0) }
            if text == "infinity" || text == "inf" { return .runsUntilStopped }
            return .exits(code: 0, seconds: Double(text.trimmingUnit) ?? 0)
        case "cp": return copy(arguments, files, &copied)
        case "sh": return shell(arguments, files, &copied)
        default: return .exits(code: 127, seconds: 0)
        }
    }

    private static func copy(_ arguments: [String], _ files: Files, _ copied: inout Set<String>) -> ContainerCommand {
        let paths = arguments.filter { !$0.hasPrefix("-") }
        guard paths.count == 2, files.has(paths[0]) else { return .exits(code: 1, seconds: 0) }
        var target = paths[1]
        while target.count > 1, target.hasSuffix("/") { target.removeLast() }
        if files.writable.contains(target) {
            target += "/\(paths[0].split(separator: "/").last ?? "")"
        }
        guard files.writable.contains(where: { target.hasPrefix("\($0)/") }) else { return .exits(code: 1, seconds: 0) }
        copied.insert(target)
        return .exits(code: 0, seconds: 0)
    }

    /// `sh -c` with commands joined by `;` and `&&`.
    private static func shell(_ arguments: [String], _ files: Files, _ copied: inout Set<String>) -> ContainerCommand {
        guard let flag = arguments.firstIndex(of: "-c"), arguments.indices.contains(flag + 1) else {
            return .exits(code: 0, seconds: 0)
        }
        var seconds = 0.0
        var code = 0
        let script = arguments[flag + 1].replacing("&&", with: ";").replacing("\n", with: ";")
        for part in script.split(separator: ";") {
            let words = part.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let first = words.first else { continue }
            if first == "exit" {
                return .exits(code: words.dropFirst().first.flatMap(Int.init) ?? code, seconds: seconds)
            }
            let command = first == "exec" ? Array(words.dropFirst()) : words
            switch interpret(command, files, copied: &copied) {
            case .exits(let exit, let time):
                seconds += time
                code = exit
            case .runsUntilStopped: return .runsUntilStopped
            case .startError: code = 127
            }
            if code != 0 { break }
        }
        return .exits(code: code, seconds: seconds)
    }
}

extension String {
    /// The text without a trailing `s`, as busybox's sleep takes it.
    fileprivate var trimmingUnit: String { hasSuffix("s") ? String(dropLast()) : self }
}
