extension Duration {
    /// Milliseconds for a C time-out: rounded up, never negative (negative means "for ever" to librdkafka).
    var clampedMilliseconds: Int32 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0 else { return 0 }
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: max(0, milliseconds))
    }
}
