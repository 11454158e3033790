/// A record's header.
package struct KafkaHeader: Sendable, Hashable {
    /// The name; may occur more than once in a record.
    package var name: String
    /// The value; `nil` is Kafka's null, not the empty value.
    package var value: [UInt8]?

    /// Makes a header.
    ///
    /// - Parameters:
    ///   - name: The name; a null character ends it.
    ///   - value: The value.
    package init(name: String, value: [UInt8]?) {
        self.name = name
        self.value = value
    }
}
