/// Kubernetes' notation for amounts.
enum Quantity {
    /// The whole number of bytes that a quantity such as `107374182400`, `100Gi`, `96.5G` or `1e3` stands for, rounded down.
    static func bytes(_ text: String) -> Int64? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-" || $0 == "+") }
        guard let value = Double(number), value >= 0 else { return nil }
        let suffix = text.dropFirst(number.count)
        let factor: Double
        switch suffix {
        case "": factor = 1
        case "m": factor = 0.001
        case "k": factor = 1e3
        case "M": factor = 1e6
        case "G": factor = 1e9
        case "T": factor = 1e12
        case "P": factor = 1e15
        case "Ki": factor = 1_024
        case "Mi": factor = 1_048_576
        case "Gi": factor = 1_073_741_824
        case "Ti": factor = 1_099_511_627_776
        case "Pi": factor = 1_125_899_906_842_624
        default:
            guard let first = suffix.first, first == "e" || first == "E", let exponent = Int(suffix.dropFirst()),
                (0...18).contains(exponent)
            else { return nil }
            factor = (0..<exponent).reduce(1.0) { product, _ in product * 10 }
        }
        let bytes = value * factor
        return bytes < 9e18 ? Int64(bytes) : nil
    }
}
