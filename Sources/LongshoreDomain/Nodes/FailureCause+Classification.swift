// What kubelet, containerd and CRI-O say when an image cannot be pulled. None of it is a stable interface, so the words
// are looked for in an order from the most specific to the least; see ``RuntimeMessage`` for what counts as words.
extension FailureCause {
    /// Finds the cause behind what a container status or a Pod status says.
    ///
    /// - Parameters:
    ///   - waitingReason: The `reason` of a waiting or terminated container, of a Pod, or of a Job condition; may be empty.
    ///   - message: The message beside it; any length, any content.
    /// - Returns: The cause, ``unknown`` when nothing is recognised.
    package static func classify(waitingReason: String, message: String) -> FailureCause {
        if let cause = byReason[waitingReason] { return cause }
        let message = RuntimeMessage(message)
        if let cause = byWholeMessage.first(where: { $0.occurs(in: message.whole) })?.cause { return cause }
        if let cause = cause(in: message.text) { return cause }
        if message.isQuotedAsAWhole, let cause = cause(in: message.quoted) { return cause }
        return byReasonWithoutMessage[waitingReason] ?? .unknown
    }

    /// Whether a message tells that the kubelet has not even tried: its own limit of pulls per second (`registryPullQPS`)
    /// was reached. It tries again by itself after its back-off.
    package static func isKubeletThrottling(message: String) -> Bool {
        kubeletThrottling.occurs(in: RuntimeMessage(message).whole)
    }

    private static func cause(in text: [UInt8]) -> FailureCause? {
        guard let cause = byMessage.first(where: { $0.occurs(in: text) })?.cause else { return nil }
        // It is the token server that is not where the registry says; nothing is known of the image.
        if cause == .notFound, failedForToken.occurs(in: text) { return .network }
        return cause
    }

    /// Words that give a cause away.
    struct Phrases: Sendable {
        let cause: FailureCause
        private let words: [[UInt8]]

        init(_ cause: FailureCause, _ words: [String]) {
            self.cause = cause
            self.words = words.map { Array($0.utf8) }
        }

        func occurs(in text: [UInt8]) -> Bool { words.contains { RuntimeMessage.contains(text, $0) } }
    }
}
