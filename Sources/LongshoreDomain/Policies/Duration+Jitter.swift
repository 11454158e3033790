extension Duration {
    /// The duration, longer or shorter by up to `share` of it, in whole microseconds so that the same numbers give the same
    /// moments everywhere.
    ///
    /// - Parameters:
    ///   - share: The largest change: 0.1 is ±10 %.
    ///   - random: A random number from 0 up to 1; what lies beyond counts as the nearest.
    /// - Returns: From `1 - share` to `1 + share` times the duration.
    func spread(by share: Double, random: Double) -> Duration {
        let factor = 1 - share + 2 * share * Swift.min(Swift.max(random, 0), 1)
        let (seconds, attoseconds) = components
        let microseconds = Double(seconds) * 1_000_000 + Double(attoseconds) / 1_000_000_000_000
        return .microseconds(Int64((microseconds * factor).rounded()))
    }
}
