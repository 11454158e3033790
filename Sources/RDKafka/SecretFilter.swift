/// Removes the values of secret properties from texts that librdkafka makes (errors, log lines).
struct SecretFilter: Sendable {
    private let secrets: [[UInt8]]

    /// Secrets shorter than 4 bytes are not looked for: they would match ordinary text.
    init(_ configuration: KafkaConfiguration) {
        self.secrets = configuration.secretValues.map { Array($0.utf8) }.filter { $0.count >= 4 }
            .sorted { $0.count > $1.count }
    }

    func clean(_ text: String) -> String {
        guard !self.secrets.isEmpty else { return text }
        var bytes = Array(text.utf8)
        var changed = false
        for secret in self.secrets {
            var index = 0
            while index + secret.count <= bytes.count {
                if bytes[index] == secret[0], bytes[index..<(index + secret.count)].elementsEqual(secret) {
                    bytes.replaceSubrange(index..<(index + secret.count), with: Array("<redacted>".utf8))
                    index += 10
                    changed = true
                } else {
                    index += 1
                }
            }
        }
        return changed ? String(decoding: bytes, as: UTF8.self) : text
    }
}
