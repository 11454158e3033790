import Redaction
import Testing
import WireFormats

@testable import NotifierService

@Suite("Webhook signatures")
struct WebhookSignatureTests {
    @Test("are those of the specification's example")
    func example() throws {
        let secret = try #require(SigningSecret(text: SecretBytes(utf8: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
        let header = WebhookSignature.header(
            secrets: [secret],
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: Array(#"{"test": 2432232314}"#.utf8)
        )
        #expect(header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("are made with each secret during a rotation")
    func rotation() throws {
        let secrets = [SigningSecret.generate(), SigningSecret.generate()]
        let parts = WebhookSignature.header(secrets: secrets, id: "a", timestamp: 1, body: []).split(separator: " ")
        #expect(parts.count == 2)
        for (part, secret) in zip(parts, secrets) {
            #expect(String(part) == WebhookSignature.header(secrets: [secret], id: "a", timestamp: 1, body: []))
        }
    }

    @Test("have secrets of 32 random bytes that read back and do not print")
    func secrets() throws {
        let secret = SigningSecret.generate()
        #expect(secret.key.count == 32)
        #expect(SigningSecret(text: secret.text) == secret)
        #expect(SigningSecret.generate() != secret)
        #expect(!"\(secret)".contains("whsec_"))
        for text in [
            "", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!",
            "whsec_" + String(repeating: "A", count: 100),
        ] {
            #expect(SigningSecret(text: SecretBytes(utf8: text)) == nil)
        }
    }
}

@Suite("Retry-After")
struct RetryAfterTests {
    static let now = Timestamp(rfc3339: "1994-11-06T08:49:00Z")!

    @Test(
        "is read as seconds or as a date",
        arguments: [
            ("0", 0), ("120", 120), ("Sun, 06 Nov 1994 08:49:37 GMT", 37), ("Mon, 07 Nov 1994 08:49:00 GMT", 86_400),
        ]
    )
    func reads(value: String, seconds: Int) {
        #expect(RetryAfter.duration(value, now: Self.now) == .seconds(seconds))
    }

    @Test(
        "is nothing otherwise",
        arguments: [
            "", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:48:00 GMT", "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 36 Nov 1994 08:49:37 GMT", "99999999999999999999", "１２",
        ]
    )
    func ignores(value: String) {
        #expect(RetryAfter.duration(value, now: Self.now) == nil)
    }
}

@Suite("Wake signals", .timeLimit(.minutes(1)))
struct WakeSignalTests {
    @Test("end a wait, also when they come before it")
    func wakes() async {
        let signal = WakeSignal()
        signal.wake()
        await signal.wait(upTo: .seconds(3_600))
        async let waiting: Void = signal.wait(upTo: .seconds(3_600))
        signal.wake()
        await waiting
    }

    @Test("let time and cancellation end a wait, too")
    func ends() async {
        let signal = WakeSignal()
        await signal.wait(upTo: .milliseconds(1))
        let task = Task { await signal.wait(upTo: .seconds(3_600)) }
        task.cancel()
        await task.value
        await signal.wait(upTo: .zero)
    }
}
