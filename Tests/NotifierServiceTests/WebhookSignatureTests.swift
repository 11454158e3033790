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
