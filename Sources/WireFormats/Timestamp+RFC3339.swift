extension Timestamp {
    /// Reads an RFC 3339 time with any offset; digits after the microsecond are dropped, a leap second counts as the next.
    ///
    /// Nil when the text is anything else, a date without a time or offset included, and for what is not in the years 1 to
    /// 9999 of UTC: it could not be written again, and Postgres knows no year 0.
    package init?(rfc3339 text: String) {
        var reader = DigitReader(bytes: Array(text.utf8))
        guard let year = reader.number(digits: 4), reader.take("-"),
            let month = reader.number(digits: 2), 1...12 ~= month, reader.take("-"),
            let day = reader.number(digits: 2), 1...Self.days(inMonth: month, of: year) ~= day,
            reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(digits: 2), hour < 24, reader.take(":"),
            let minute = reader.number(digits: 2), minute < 60, reader.take(":"),
            let second = reader.number(digits: 2), second <= 60,
            let fraction = reader.fraction(), let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        guard Self.writableSeconds ~= seconds else { return nil }
        self.init(microsecondsSinceEpoch: Int64(seconds) * 1_000_000 + Int64(fraction))
    }

    /// From the beginning of year 1 to the end of year 9999.
    private static let writableSeconds =
        daysSinceEpoch(year: 1, month: 1, day: 1) * 86_400..<daysSinceEpoch(year: 10_000, month: 1, day: 1) * 86_400

    /// RFC 3339 in UTC, with three or six digits of fraction only where they are needed.
    package var rfc3339: String {
        let microseconds = parts.microsecond
        if microseconds == 0 { return formatted(fractionDigits: 0) }
        return formatted(fractionDigits: microseconds.isMultiple(of: 1_000) ? 3 : 6)
    }

    /// RFC 3339 in UTC without a fraction, as Kubernetes' `Time` has it.
    package var rfc3339Seconds: String { formatted(fractionDigits: 0) }

    /// RFC 3339 in UTC with always six digits of fraction, as Kubernetes' `MicroTime` has it.
    package var rfc3339Micro: String { formatted(fractionDigits: 6) }

    private var parts: (days: Int, second: Int, microsecond: Int) {
        let seconds = Int(secondsSinceEpoch)
        let days = seconds >= 0 ? seconds / 86_400 : -((-seconds + 86_399) / 86_400)
        let microsecond = microsecondsSinceEpoch % 1_000_000
        return (days, seconds - days * 86_400, Int(microsecond < 0 ? microsecond + 1_000_000 : microsecond))
    }

    private func formatted(fractionDigits: Int) -> String {
        let (days, second, microsecond) = parts
        let (year, month, day) = Self.date(daysSinceEpoch: days)
        var text: [UInt8] = []
        text.reserveCapacity(27)
        func append(_ value: Int, digits: Int) {
            let digitsOfValue = String(value.magnitude)
            if value < 0 { text.append(UInt8(ascii: "-")) }
            for _ in 0..<max(0, digits - digitsOfValue.utf8.count) { text.append(UInt8(ascii: "0")) }
            text.append(contentsOf: digitsOfValue.utf8)
        }
        append(year, digits: 4)
        text.append(UInt8(ascii: "-"))
        append(month, digits: 2)
        text.append(UInt8(ascii: "-"))
        append(day, digits: 2)
        text.append(UInt8(ascii: "T"))
        append(second / 3_600, digits: 2)
        text.append(UInt8(ascii: ":"))
        append(second / 60 % 60, digits: 2)
        text.append(UInt8(ascii: ":"))
        append(second % 60, digits: 2)
        if fractionDigits > 0 {
            text.append(UInt8(ascii: "."))
            append(fractionDigits == 3 ? microsecond / 1_000 : microsecond, digits: fractionDigits)
        }
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: - The proleptic Gregorian calendar
    // Years are counted from March, which puts the leap day last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").

    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func date(daysSinceEpoch days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// Reads the parts of a time from left to right.
private struct DigitReader {
    let bytes: [UInt8]
    var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { index == bytes.count }

    mutating func number(digits: Int) -> Int? {
        guard index + digits <= bytes.count else { return nil }
        var value = 0
        for _ in 0..<digits {
            guard let digit = nextDigit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    /// Microseconds; zero where there is no fraction, nil where the point has no digit after it.
    mutating func fraction() -> Int? {
        guard take(".") else { return 0 }
        var value = 0
        var digits = 0
        while let digit = nextDigit() {
            if digits < 6 { value = value * 10 + digit }
            digits += 1
        }
        guard digits > 0 else { return nil }
        for _ in 0..<max(0, 6 - digits) { value *= 10 }
        return value
    }

    /// Seconds east of UTC.
    mutating func offset() -> Int? {
        if take("Z") || take("z") { return 0 }
        let sign: Int
        if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
        guard let hours = number(digits: 2), hours < 24, take(":"), let minutes = number(digits: 2), minutes < 60 else {
            return nil
        }
        return sign * (hours * 3_600 + minutes * 60)
    }

    private mutating func nextDigit() -> Int? {
        guard index < bytes.count, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[index] else { return nil }
        defer { index += 1 }
        return Int(bytes[index] - UInt8(ascii: "0"))
    }
}
