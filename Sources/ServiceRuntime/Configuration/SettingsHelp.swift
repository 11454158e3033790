/// The help text about a service's configuration keys.
package enum SettingsHelp {
    /// A line for each key: its flag with the form of its value, what it decides, its default and its variable.
    ///
    /// - Parameter keys: The keys in the order in which they are shown.
    /// - Returns: The text, without a line feed at its end.
    package static func text(for keys: [SettingKey]) -> String {
        ([Settings.configurationFileKey] + keys).map { key in
            let shown = key.fileReference ?? key
            var about = key.documentation
            if let value = key.defaultValue {
                about += " (default: \(value.isEmpty ? "none" : value))"
            } else if key.isRequired {
                about += " (required)"
            }
            return "  \(shown.flag) \(shown.form)\n      \(about); \(key.environmentVariable)"
        }.joined(separator: "\n")
    }
}
