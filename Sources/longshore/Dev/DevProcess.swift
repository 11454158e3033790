import FoundationEssentials
import Glibc

/// Facts about this process and this machine.
enum DevProcess {
    /// Whether it runs as root.
    static var isRoot: Bool { geteuid() == 0 }

    /// A TCP port of 127.0.0.1 that nothing listens on now.
    ///
    /// PostgreSQL cannot be told to take any free port. A random one is looked for in the kernel's table of listening sockets
    /// instead of being bound and released, which would leave it in use for a moment.
    ///
    /// - Throws: ``DevError`` when no free port was found.
    static func freePort() throws -> Int {
        let taken = Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap(listeningPorts))
        for _ in 0..<1_000 {
            let port = Int.random(in: 20_000..<32_000)
            if !taken.contains(port) { return port }
        }
        throw DevError("No free TCP port between 20000 and 32000 was found")
    }

    /// Whether a process is there and has not ended.
    static func isRunning(_ process: pid_t) -> Bool { kill(process, 0) == 0 && !isZombie(process) }

    /// Whether a process has ended and nobody has waited for it; proc(5), `stat`.
    static func isZombie(_ process: pid_t) -> Bool {
        guard let data = try? Data(contentsOf: URL(filePath: "/proc/\(process)/stat")) else { return false }
        // The name stands in parentheses and may hold any of them.
        let rest = String(decoding: data, as: UTF8.self).split(separator: ")").last
        return rest?.split(separator: " ").first == "Z"
    }

    /// The processes that a process has started; proc(5), `children`.
    static func children(of process: pid_t) -> [pid_t] {
        let path = "/proc/\(process)/task/\(process)/children"
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
    }

    /// The local ports of a table in the form of proc(5), `net/tcp`.
    private static func listeningPorts(_ path: String) -> [Int] {
        guard let text = try? Data(contentsOf: URL(filePath: path)) else { return [] }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 1, let port = fields[1].split(separator: ":").last else { return nil }
            return Int(port, radix: 16)
        }
    }
}
