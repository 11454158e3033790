import DeploymentSupport
import FoundationEssentials
import TestSupport

/// What a process holds of the machine.
struct Footprint: Sendable {
    /// Resident memory, in MiB.
    var memory: Double
    /// Open file descriptors.
    var descriptors: Int
    /// Threads.
    var threads: Int

    /// Reads what the kernel says of a process; nil where there is none.
    init?(of process: Int32) {
        guard
            let status = try? String(contentsOf: URL(filePath: "/proc/\(process)/status"), encoding: .utf8),
            let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")
        else { return nil }
        func number(_ key: String) -> Double {
            let line = status.split(separator: "\n").first { $0.hasPrefix(key + ":") }
            return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Double($0) }
                ?? 0
        }
        memory = number("VmRSS") / 1_024
        threads = Int(number("Threads"))
        descriptors = files.count
    }

    /// Of every service's processes, by name.
    static func all(of fleet: Fleet) -> [String: Footprint] {
        fleet.members.reduce(into: [:]) { $0[$1.name] = Footprint(of: $1.process.processIdentifier) }
    }

    /// Whether this is more than what the same process held before, beyond what caches and pools may take.
    func hasGrown(since before: Footprint) -> Bool {
        memory > before.memory * 1.5 + 40 || descriptors > before.descriptors + 16 || threads > before.threads + 8
    }
}
