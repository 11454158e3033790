import LongshoreDomain
import Redaction
import WireFormats

@testable import Curl
@testable import NotifierService
@testable import OCIRegistry

extension FuzzTarget {
    /// The challenges of a registry's `WWW-Authenticate` headers, one a line.
    static let challenge = FuzzTarget(
        name: "challenge",
        form: .text,
        words: [
            "Bearer ", "Basic ", "Negotiate ", "realm=", "service=", "scope=", "error=",
            "\"https://auth.example.com/token\"",
            "\"registry\"", "\"repository:a/b:pull\"", "charset=UTF-8", "\\\"", "abc==", ", ", " = ", "\"",
        ],
        maximumBytes: 10 << 10
    ) { input in
        let headers = String(decoding: input, as: UTF8.self).split(separator: "\n").map { String($0) }
        let challenges = AuthenticateChallenge.parse(headers)
        try require(challenges.count <= 16 * headers.count, "\(challenges.count) challenges")
        for challenge in challenges {
            try require(!challenge.scheme.isEmpty && challenge.scheme == challenge.scheme.lowercased(), "the scheme")
            for (name, value) in challenge.parameters {
                try require(!name.isEmpty && name == name.lowercased(), "the name of a parameter")
                try require(value.utf8.count <= 8 << 10, "a value of \(value.utf8.count) bytes")
            }
            try require(AuthenticateChallenge.parse([written(challenge)]) == [challenge], "it is read otherwise again")
        }
        return challenges.prefix(3).map { "\($0.scheme == "bearer") \(min($0.parameters.count, 3)) " }.joined()
    }

    private static func written(_ challenge: AuthenticateChallenge) -> String {
        let parameters = challenge.parameters.map { name, value in
            let escaped = value.utf8.flatMap { byte in
                byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), byte] : [byte]
            }
            return "\(name)=\"\(String(decoding: escaped, as: UTF8.self))\""
        }
        return "\(challenge.scheme) \(parameters.joined(separator: ", "))"
    }

    /// `Retry-After` as a webhook's receiver and a registry send it.
    static let retryAfter = FuzzTarget(
        name: "retry-after",
        form: .text,
        words: [
            "Sun, ", "06 ", "Nov ", "1994 ", "08:49:37 ", "GMT", "Feb ", "30 ", "24:00:00", "23:59:60", "+1", " 5",
            "120", "9999 ",
        ],
        maximumBytes: 256
    ) { input in
        let text = String(decoding: input, as: UTF8.self)
        let now = Timestamp(secondsSinceEpoch: 784_111_000)
        let wait = RetryAfter.duration(text, now: now)
        if let wait {
            try require(wait >= .zero && now + wait >= now, "a wait of \(wait)")
            let schedule = DeliverySchedule(delays: [.seconds(5)])
            let delay = schedule.delay(afterAttempt: 1, retryAfter: wait, random: 0.5) ?? .zero
            try require(delay <= max(schedule.retryAfterCap, .seconds(10)), "a delay of \(delay)")
        }
        let error = RegistryError(host: "h.io", status: 429, retryAfter: text, body: input, scrubber: Scrubber())
        if let pause = error.retryAfter { try require(.zero ... .seconds(86_400) ~= pause, "a pause of \(pause)") }
        return "\(wait.map { $0 > .seconds(100) }?.description ?? "none") \(error.retryAfter != nil)"
    }

    /// What our own parsers take for a URL's host, libcurl connects to.
    static let webhookURL = FuzzTarget(
        name: "webhook-url",
        form: .text,
        words: [
            "http://", "https://", "HTTP://", "user@", ":pw@", "@", "\\", "//", "/", "?", "#", "%2f", "%40", "%00",
            ":80", ":443", ":0",
            ":65536", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "127.1", "0x7f.1", "0177.0.0.1", "2130706433",
            "localhost",
            "example.com", ".", "..", "xn--a", "-",
        ],
        maximumBytes: 2_300
    ) { input in
        let text = String(decoding: input, as: UTF8.self)
        let read = RegistryURL(text)
        let asked = try? CurlURL(parsing: text)
        if let problem = WebhookURL.problem(with: text) {
            try requireNoCanary(problem, "the problem")
        } else {
            try require(RegistryURL(text) != nil, "a webhook's URL that a registry's could not be")
        }
        guard let read, let asked else { return "\(read != nil) \(asked != nil)" }
        // Libcurl turns the forms of an address into the usual one, which the address policy then judges.
        let isNumeric = asked.literal != nil
        try require(isNumeric || asked.host.lowercased() == read.host, "\(read.host) is \(asked.host) to libcurl")
        try require(asked.port == read.port, "port \(read.port) is \(asked.port) to libcurl")
        return "\(isNumeric) \(read.scheme)"
    }

    /// The scrubber: whatever stands around a secret, in whatever spelling, it is not in the result.
    static let scrubber = FuzzTarget(
        name: "scrubber",
        form: .text,
        words: [
            "password=", "token: ", "Authorization: Basic ", "Bearer ", "https://u:", "@h.io/", "\"password\":\"",
            "\\\"", "%20", "%21",
            "c4n4ry%21pa55%20word", "c4n4ry!pa55+word", "YzRuNHJ5IXBhNTUgd29yZA==", "auth=", "c4n4ry!", "pa55 word",
        ],
        maximumBytes: 4 << 10
    ) { input in
        let text = String(decoding: input, as: UTF8.self)
        let scrubber = Scrubber([SecretBytes(utf8: canary)])
        let clean = scrubber.scrub(text, limit: 2_048)
        try require(clean.utf8.count <= 2_048, "\(clean.utf8.count) bytes")
        try requireNoCanary(clean, "the scrubbed text")
        try require(!clean.utf8Contains("YzRuNHJ5IXBhNTUgd29yZ"), "base64 of the secret is in \(clean)")
        try require(!clean.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "control characters")
        return "\(clean.contains(Scrubber.replacement)) \(clean.hasSuffix("…"))"
    }
}
