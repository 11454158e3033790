/// The records of one call of `send` and what became of them.
///
/// Thread safety: touched only on the producer's thread once it was handed over.
final class SendBatch: @unchecked Sendable {
    typealias Outcome = Result<DeliveryReport, KafkaError>

    let records: [ProducerRecord]
    private var outcomes: [Outcome?]
    private var open: Int
    private let completion: @Sendable ([Outcome]) -> Void

    init(_ records: [ProducerRecord], completion: @escaping @Sendable ([Outcome]) -> Void) {
        self.records = records
        self.outcomes = Array(repeating: nil, count: records.count)
        self.open = records.count
        self.completion = completion
    }

    /// Notes what became of one record; after the last one the caller is told.
    func settle(_ index: Int, _ outcome: Outcome) {
        guard self.outcomes[index] == nil else { return }
        self.outcomes[index] = outcome
        self.open -= 1
        if self.open == 0 {
            self.completion(self.outcomes.compactMap { $0 })
        }
    }
}
