import Testing

@testable import RDKafka

@Suite struct SecretFilterTests {
    private let filter = SecretFilter(
        KafkaConfiguration(
            bootstrapServers: "b",
            properties: ["ssl.key.password": "inner", "client.rack": "visible"],
            secretProperties: ["sasl.password": "longer-inner-secret", "x": "abc"]
        )
    )

    @Test(arguments: [
        ("nothing here", "nothing here"), ("a longer-inner-secret b", "a <redacted> b"),
        ("inner", "<redacted>"), ("innerinner", "<redacted><redacted>"), ("visible abc", "visible abc"),
        ("longer-inner-secre", "longer-<redacted>-secre"), ("", ""),
    ])
    func `secrets are removed wherever they are`(text: String, expected: String) {
        #expect(self.filter.clean(text) == expected)
    }

    @Test(arguments: [
        (Duration.zero, Int32(0)), (.seconds(-1), 0), (.nanoseconds(1), 1), (.microseconds(1500), 2),
        (.seconds(2), 2000),
        (.seconds(1_000_000_000), 2_000_000_000),
    ])
    func `durations become milliseconds that C takes`(duration: Duration, expected: Int32) {
        #expect(duration.clampedMilliseconds == expected)
    }
}
