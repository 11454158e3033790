import FoundationEssentials
import WireFormats

extension Timestamp {
    /// The present, by the system's clock.
    static func now() -> Timestamp {
        Timestamp(microsecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }
}

/// Random names and ids.
enum RandomText {
    /// The alphabet of generated names: no vowels and no look-alikes, as in `k8s.io/apimachinery/pkg/util/rand`.
    private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")

    static func suffix(_ length: Int = 5) -> String {
        String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] })
    }

    /// A random UUID (RFC 9562, version 4) in lower case.
    static func uuid() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = Array(Hex.encode(bytes))
        let parts = [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]]
        return parts.map { String($0) }.joined(separator: "-")
    }

    static func token() -> String { Hex.encode((0..<24).map { _ in UInt8.random(in: 0...255) }) }
}
