import Synchronization

/// The faults of a configuration that were found so far, each once.
///
/// Thread safety: every method may be called from anywhere.
final class SettingsFaults: Sendable {
    private let faults: Mutex<[String]>

    init(_ faults: [String]) { self.faults = Mutex(faults) }

    func add(_ more: [String]) {
        faults.withLock { faults in
            for fault in more where !faults.contains(fault) { faults.append(fault) }
        }
    }

    var all: [String] { faults.withLock { $0 } }
}
