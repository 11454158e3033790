/// Takes out of a text what nobody sees and what changes how the rest is seen.
package enum VisibleText {
    /// The text without control characters, format controls and other invisible characters.
    ///
    /// Control characters, ends of lines and what turns the direction of the text around it (U+061C, U+200E, U+202A…,
    /// U+2066…) become spaces. What else cannot be seen goes without a trace: joiners, tags, variation selectors, fillers.
    /// Source: Unicode, general category `Cf`, properties `Bidi_Control` and `Default_Ignorable_Code_Point`.
    /// - Parameter text: any text.
    /// - Returns: the text as people see it.
    package static func of(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if !isInvisible(scalar) {
                scalars.append(scalar)
            } else if breaksText(scalar) {
                scalars.append(" ")
            }
        }
        return String(scalars)
    }

    /// Whether a character is a control, or cannot be seen; spaces can.
    package static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        return breaksText(scalar) || scalar.properties.generalCategory == .format
            || scalar.properties.isDefaultIgnorableCodePoint
    }

    private static func breaksText(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: scalar.properties.isBidiControl
        }
    }
}
