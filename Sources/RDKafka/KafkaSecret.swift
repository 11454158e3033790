/// A property's value that must never be shown: a password, a key, a token.
///
/// It describes, dumps and reflects as `<redacted>`. `RDKafka` stands below `Redaction`, so it has a type of its own.
package struct KafkaSecret: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    let value: String

    /// Wraps a value.
    ///
    /// - Parameter value: The secret text.
    package init(_ value: String) {
        self.value = value
    }

    package init(stringLiteral value: String) {
        self.value = value
    }

    package var description: String { "<redacted>" }

    package var debugDescription: String { "<redacted>" }

    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
