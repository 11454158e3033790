import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How the files and connections that the operating system lets the process open at once are shared out: what the process
/// needs for its own work first, and its listeners get what is left.
///
/// A process that has none left fails at its next connection to Kafka or Postgres, and Swift's own runtime ends it with a trap
/// when it cannot open what it needs for a timer.
package struct DescriptorPlan: Sendable, Equatable {
    /// The fewest connections of clients that a service is of use with.
    package static let fewestConnections = 16
    /// What the soft limit is raised to where the hard limit allows it.
    private static let raised: UInt64 = 65_536

    /// The most files and connections of the process (`ulimit -n`).
    package let limit: Int
    /// What its own work needs of them, at least.
    package let ownWork: Int
    /// What listeners leave alone: a quarter where that is more than what the own work needs at least. A cluster of many
    /// brokers takes more than three.
    private var reserved: Int { max(ownWork, limit / 4) }

    /// Makes a plan.
    ///
    /// - Parameters:
    ///   - limit: The most files and connections of the process.
    ///   - ownWork: What it needs for its own work: Kafka, Postgres, Kubernetes, registries, subscribers, files, the runtime.
    /// - Throws: `SettingsError` when that leaves too few for clients.
    package init(limit: Int, ownWork: Int) throws(SettingsError) {
        self.limit = limit
        self.ownWork = ownWork
        let fewest = ownWork + Self.fewestConnections + 2 * Self.transient
        guard limit >= fewest else {
            throw SettingsError([
                "ulimit -n: this process may open \(limit) files and connections at once and needs \(fewest), "
                    + "\(ownWork) of them for its own work: raise the limit to \(fewest) or more"
            ])
        }
    }

    /// Connections that a listener may have for a moment beyond its cap: those that it refuses, and those of one accept.
    private static let transient = ListenerLimits.refusedAtOnce + 4

    /// The most connections to the health port: 64, or a quarter of what is left when that is less.
    package var healthConnections: Int { min(64, (limit - reserved - 2 * Self.transient) / 4) }

    /// The most connections to the service's own port, at most what is wanted.
    ///
    /// - Parameter wanted: What the setting says.
    /// - Returns: How many it may have.
    package func connections(wanted: Int) -> Int {
        min(wanted, limit - reserved - 2 * Self.transient - healthConnections)
    }

    /// What the runtime, the event loops, the log and files in passing take.
    package static var runtimeDescriptors: Int { 24 + 3 * System.coreCount }
    /// What one client of Kafka takes: its wake-up pipes, and two pipes and a connection for each of a few brokers.
    package static let kafkaClientDescriptors = 8

    /// Raises the process's soft limit where the hard limit allows it, and tells how many files and connections it may open.
    ///
    /// Shells and container runtimes set a soft limit of 1024 for programs that use `select`, which cannot name more; nothing
    /// here does.
    package static func raiseLimit() -> Int {
        var limits = rlimit()
        #if canImport(Glibc)
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let files = RLIMIT_NOFILE
        #endif
        guard unsafe getrlimit(files, &limits) == 0 else { return 1_024 }
        var higher = limits
        higher.rlim_cur = min(limits.rlim_max, rlim_t(raised))
        if higher.rlim_cur > limits.rlim_cur, unsafe setrlimit(files, &higher) == 0 { limits = higher }
        return Int(clamping: limits.rlim_cur)
    }
}
