package import RDKafka
package import Redaction
import WireFormats

/// Makes the record that is kept in place of one that can never be handled.
package enum KafkaDeadLetter {
    /// The original topic.
    package static let topicHeader = "longshore-origin-topic"
    /// The original partition.
    package static let partitionHeader = "longshore-origin-partition"
    /// The original offset.
    package static let offsetHeader = "longshore-origin-offset"
    /// When the original was made, in milliseconds since 1970.
    package static let timestampHeader = "longshore-origin-timestamp"
    /// The rejection's code.
    package static let reasonHeader = "longshore-reason"
    /// The rejection's sentence.
    package static let detailHeader = "longshore-detail"
    /// `redacted` or `tooLarge`: why the value is missing.
    package static let valueHeader = "longshore-value-removed"

    /// Headers that are kept where the value is not: they name the event and by the specification hold no secrets.
    private static let harmlessHeaders: Set<String> = [
        "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "content-type",
    ]
    private static let maximumHeaderBytes = 1024
    private static let maximumHeaders = 32
    private static let maximumNameBytes = 64
    private static let maximumKeyBytes = 256
    private static let maximumSecrets = 100
    private static let maximumSecretBytes = 16 << 10

    /// Makes the record. Its key and headers are the sender's own text: they are bounded, and what is or may be a secret in
    /// them is taken out.
    ///
    /// - Parameters:
    ///   - original: The record that cannot be handled.
    ///   - rejection: Why.
    ///   - topic: The dead-letter topic.
    ///   - removingValue: Why the value is left out although the rejection allows it; `nil` to keep it.
    ///   - scrubber: Knows the record's secrets, where they are known.
    /// - Returns: A record with the original's key, where it came from, why, and its value unless that may hold a secret.
    package static func record(
        for original: ConsumerRecord,
        rejection: KafkaRejection,
        topic: String,
        removingValue: String? = nil,
        scrubber: Scrubber = Scrubber()
    ) -> ProducerRecord {
        let removal = rejection.redactsValue ? "redacted" : removingValue
        var scrubber = scrubber
        for secret in Self.secrets(in: original.value ?? []) { scrubber.add(secret) }
        var headers = Array(
            original.headers.lazy.filter { removal == nil || Self.harmlessHeaders.contains($0.name.lowercased()) }
                .compactMap { Self.safe($0, scrubber) }.prefix(Self.maximumHeaders)
        )
        func add(_ name: String, _ value: String) {
            headers.append(KafkaHeader(name: name, value: Array(value.utf8)))
        }
        add(Self.topicHeader, original.topicPartition.topic)
        add(Self.partitionHeader, "\(original.topicPartition.partition)")
        add(Self.offsetHeader, "\(original.offset)")
        if let timestamp = original.timestampMilliseconds {
            add(Self.timestampHeader, "\(timestamp)")
        }
        add(Self.reasonHeader, rejection.code)
        add(Self.detailHeader, String(decoding: rejection.detail.utf8.prefix(Self.maximumHeaderBytes), as: UTF8.self))
        if let removal {
            add(Self.valueHeader, removal)
        }
        return ProducerRecord(
            topic: topic,
            key: original.key.flatMap { Self.safe(key: $0, scrubber) },
            value: removal == nil ? original.value : nil,
            headers: headers
        )
    }

    /// What stands in a JSON value under a secret's name: whoever sends a password in the value may have put it into the
    /// attributes, too, and nobody else can read a message that is no event.
    private static func secrets(in value: [UInt8]) -> [SecretBytes] {
        let limits = JSONValue.ParsingLimits(maximumDepth: 32, maximumBytes: 2 << 20)
        guard let json = try? JSONValue(parsing: value, limits: limits) else { return [] }
        var found: [SecretBytes] = []
        func collect(_ value: JSONValue, isSecret: Bool) {
            guard found.count < maximumSecrets else { return }
            if isSecret, let text = value.string { found.append(SecretBytes(utf8: text)) }
            for element in value.array ?? [] { collect(element, isSecret: isSecret) }
            for (key, element) in value.object ?? [:] {
                collect(element, isSecret: isSecret || Scrubber.isSecretName(key))
            }
        }
        collect(json, isSecret: false)
        return found.filter { $0.count <= maximumSecretBytes }
    }

    /// A header that may be kept; nil for one that is too long, has no readable value, or tells the origin of a dead letter
    /// that is rejected once more.
    private static func safe(_ header: KafkaHeader, _ scrubber: Scrubber) -> KafkaHeader? {
        guard header.name.utf8.count <= maximumNameBytes, header.name.utf8.allSatisfy(isNameByte),
            scrubber.scrub(header.name) == header.name, !header.name.hasPrefix("longshore-")
        else { return nil }
        guard let value = header.value else { return header }
        if Scrubber.isSecretName(header.name) {
            return KafkaHeader(name: header.name, value: Array(Scrubber.replacement.utf8))
        }
        guard value.count <= maximumHeaderBytes, let text = String(validating: value, as: UTF8.self) else { return nil }
        return KafkaHeader(name: header.name, value: Array(scrubber.scrub(text, limit: maximumHeaderBytes).utf8))
    }

    /// A key as it was where nothing is to be taken out of it, else what is left; nil for a long one that is no text.
    private static func safe(key: [UInt8], _ scrubber: Scrubber) -> [UInt8]? {
        guard let text = String(validating: key, as: UTF8.self) else {
            return key.count <= maximumKeyBytes ? key : nil
        }
        let scrubbed = scrubber.scrub(text, limit: maximumKeyBytes)
        // What only a control character has changed in is a number in bytes, and as harmless as before.
        let isBinary = key.count <= maximumKeyBytes && scrubbed == VisibleText.of(text)
        return isBinary ? key : Array(scrubbed.utf8)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}
