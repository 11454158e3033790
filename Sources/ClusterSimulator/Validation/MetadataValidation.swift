import WireFormats

/// The rules for names, labels and annotations, with the API server's own words.
enum MetadataValidation {
    static let subdomainDetail =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    static let labelDetail =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    static let qualifiedNameDetail =
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    static let labelValueDetail =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    /// The limit of all annotations together.
    static let annotationLimit = 256 * 1_024

    private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerAlphanumeric(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    /// An RFC 1123 label of at most 63 characters.
    static func isLabel(_ text: some StringProtocol, limit: Int = 63) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= limit else { return false }
        return isLowerAlphanumeric(first) && isLowerAlphanumeric(last)
            && bytes.allSatisfy { isLowerAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    /// An RFC 1123 subdomain of at most 253 characters.
    static func isSubdomain(_ text: some StringProtocol) -> Bool {
        text.utf8.count <= 253
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isLabel($0, limit: 253) }
    }

    /// The name part of a label key, and a label's value when it is not empty.
    private static func isNamePart(_ text: some StringProtocol) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 63 else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    /// A label or annotation key, with or without a DNS prefix.
    static func isQualifiedName(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isNamePart(parts[0])
        case 2: return isSubdomain(parts[0]) && isNamePart(parts[1])
        default: return false
        }
    }

    static func isLabelValue(_ text: String) -> Bool { text.isEmpty || isNamePart(text) }

    /// The faults of an object's metadata.
    static func faults(_ metadata: JSONValue, nameRule: NameRule) -> [FieldError] {
        var faults: [FieldError] = []
        let name = metadata["name"]?.string ?? ""
        if name.isEmpty {
            faults.append(.required("metadata.name", "name or generateName is required"))
        } else if let detail = nameRule.fault(name) {
            faults.append(.invalid("metadata.name", .string(name), detail))
        }
        for (key, value) in metadata["labels"]?.object ?? [:] {
            faults += labelFaults("metadata.labels", key, value)
        }
        var size = 0
        for (key, value) in metadata["annotations"]?.object ?? [:] {
            if !isQualifiedName(key.lowercased()) {
                faults.append(.invalid("metadata.annotations", .string(key), qualifiedNameDetail))
            }
            guard let text = value.string else {
                faults.append(.invalid("metadata.annotations", value, "must be a string"))
                continue
            }
            size += key.utf8.count + text.utf8.count
        }
        if size > annotationLimit {
            let detail = "may not be more than \(annotationLimit) bytes"
            faults.append(FieldError(path: "metadata.annotations", kind: .tooLong("\"\""), detail: detail))
        }
        return faults + ownerFaults(metadata) + finalizerFaults(metadata)
    }

    static func labelFaults(_ path: String, _ key: String, _ value: JSONValue) -> [FieldError] {
        var faults: [FieldError] = []
        if !isQualifiedName(key) { faults.append(.invalid(path, .string(key), qualifiedNameDetail)) }
        guard let text = value.string else { return faults + [.invalid(path, value, "must be a string")] }
        if text.utf8.count > 63 {
            faults.append(.invalid(path, value, "must be no more than 63 bytes"))
        } else if !isLabelValue(text) {
            faults.append(.invalid(path, value, labelValueDetail))
        }
        return faults
    }

    private static func ownerFaults(_ metadata: JSONValue) -> [FieldError] {
        var faults: [FieldError] = []
        var controllers = 0
        for (index, owner) in (metadata["ownerReferences"]?.array ?? []).enumerated() {
            let path = "metadata.ownerReferences[\(index)]"
            for (field, detail) in [
                ("apiVersion", "version must not be empty"), ("kind", "must not be empty"),
                ("name", "must not be empty"), ("uid", "must not be empty"),
            ] where (owner[field]?.string ?? "").isEmpty {
                faults.append(.invalid("\(path).\(field)", owner[field] ?? "", detail))
            }
            if owner["controller"]?.bool == true { controllers += 1 }
        }
        if controllers > 1 {
            let detail = "Only one reference can have Controller set to true"
            faults.append(.invalid("metadata.ownerReferences", .array([]), detail))
        }
        return faults
    }

    private static func finalizerFaults(_ metadata: JSONValue) -> [FieldError] {
        (metadata["finalizers"]?.array ?? []).enumerated().compactMap { index, finalizer in
            guard let text = finalizer.string, isQualifiedName(text) else {
                return .invalid("metadata.finalizers[\(index)]", finalizer, qualifiedNameDetail)
            }
            return nil
        }
    }
}

/// What names a resource allows.
enum NameRule: Sendable {
    case subdomain
    case label
    /// A path segment, as for RBAC objects, whose names may hold colons.
    case pathSegment

    /// What is wrong with the name, or nil.
    func fault(_ name: String) -> String? {
        switch self {
        case .subdomain:
            if name.utf8.count > 253 { return "must be no more than 253 bytes" }
            return MetadataValidation.isSubdomain(name) ? nil : MetadataValidation.subdomainDetail
        case .label:
            if name.utf8.count > 63 { return "must be no more than 63 bytes" }
            return MetadataValidation.isLabel(name) ? nil : MetadataValidation.labelDetail
        case .pathSegment:
            if name == "." || name == ".." { return "may not be '\(name)'" }
            return name.contains { $0 == "/" || $0 == "%" } ? "may not contain '/' or '%'" : nil
        }
    }
}
