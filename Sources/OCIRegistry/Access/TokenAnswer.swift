import Redaction
import WireFormats

/// What a token server gives (distribution project, "Token Authentication Specification", "Token Response Fields").
struct TokenAnswer: Sendable {
    /// The bearer token.
    var token: SecretBytes
    /// How long it may be kept; zero when it is to be used at once and not again.
    var lifetime: Duration

    private static let shortest = 60
    private static let longest = 3600

    /// Reads an answer's body; nil where it holds no token that can be shown.
    ///
    /// - Parameters:
    ///   - body: JSON.
    ///   - date: The answer's header `Date`: the clock that `issued_at` was taken from.
    init?(_ body: [UInt8], date: String?) {
        let limits = JSONValue.ParsingLimits(maximumDepth: 16, maximumBytes: 1 << 20)
        guard let json = try? JSONValue(parsing: body, limits: limits) else { return nil }
        // Of the two names for one thing containerd takes this one where both are there.
        let texts = [json["access_token"]?.string, json["token"]?.string]
        guard let text = texts.lazy.compactMap(\.self).first(where: { !$0.isEmpty }),
            text.utf8.count <= 64 << 10, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        token = SecretBytes(utf8: text)
        let issued = json["issued_at"]?.string.flatMap { Timestamp(rfc3339: $0) }
        lifetime = Self.lifetime(
            expiresIn: json["expires_in"]?.double,
            age: issued.flatMap { issued in date.flatMap { RetryAfter.date($0) }.map { $0.duration(since: issued) } }
        )
    }

    /// How long a token may be kept.
    ///
    /// - Parameters:
    ///   - expiresIn: The seconds from the token's issue to its end. 60 where nothing is said, and never less: older servers
    ///     say nothing and mean that, and no token may have less by the specification.
    ///   - age: How long ago it was issued by the token server's clock; what lies in the future counts as now.
    /// - Returns: Nine tenths of what is left, and at most of an hour.
    static func lifetime(expiresIn: Double?, age: Duration?) -> Duration {
        let said = expiresIn.flatMap { $0.isFinite ? $0 : nil } ?? 0
        let seconds = Int(min(max(said, Double(shortest)), Double(longest)))
        let left = .seconds(seconds) - max(age ?? .zero, .zero)
        // A tenth is kept back for the way and for the registry's clock.
        return max(left, .zero) * 9 / 10
    }
}
