import Synchronization

/// Bytes that must not be seen: a password, a token, a private key.
///
/// It prints as `<redacted>` in every form, has no coding of any kind, compares in constant time, and overwrites its memory
/// when the last copy goes. Copies share one storage.
package struct SecretBytes: Sendable, Equatable {
    private let storage: Storage

    /// Keeps a copy of `bytes`. The caller's own array is not overwritten.
    package init(_ bytes: [UInt8]) { storage = Storage(bytes) }

    /// Keeps the UTF-8 form of `text`.
    package init(utf8 text: String) { storage = Storage(text.utf8) }

    /// The number of bytes.
    package var count: Int { storage.bytes.withLock { $0.count } }

    /// Whether there are no bytes.
    package var isEmpty: Bool { count == 0 }

    /// The bytes themselves. What is done with them is the caller's to answer for; the name is there to be searched for.
    package func exposeBytes() -> [UInt8] { storage.bytes.withLock { Array($0) } }

    /// The bytes as text, nil when they are not UTF-8.
    package func exposeUTF8() -> String? { String(validating: exposeBytes(), as: UTF8.self) }

    /// Compares in a time that depends on the lengths only.
    package static func == (left: SecretBytes, right: SecretBytes) -> Bool {
        let left = left.exposeBytes()
        let right = right.exposeBytes()
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    /// A mirror without children, so that `dump` shows nothing either.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The one place in which a secret's bytes lie.
private final class Storage: Sendable {
    let bytes: Mutex<ContiguousArray<UInt8>>

    init(_ bytes: some Collection<UInt8>) {
        // A copy of its own: overwriting an array that is shared would only make one more copy.
        var own = ContiguousArray<UInt8>()
        own.reserveCapacity(bytes.count)
        own.append(contentsOf: bytes)
        self.bytes = Mutex(own)
    }

    deinit {
        bytes.withLock { wipe(&$0) }
    }
}

/// Not inlined, so that the optimiser cannot see that nobody reads the zeros.
@inline(never)
private func wipe(_ bytes: inout ContiguousArray<UInt8>) {
    for index in bytes.indices { bytes[index] = 0 }
}
