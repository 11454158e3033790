package import WireFormats

/// One thing that is wrong with a request.
package struct RequestFault: Sendable, Hashable, CustomStringConvertible {
    /// Where: the field's JSON pointer.
    package let pointer: JSONPointer
    /// What, as a constant of ``RequestFaultCode``.
    package var code: String { kind.rawValue }
    /// What, as a value to switch over.
    package let kind: RequestFaultCode
    /// One sentence for the person who wrote the request. It never quotes a value of the request.
    package let detail: String

    /// Makes a fault.
    ///
    /// - Parameters:
    ///   - pointer: Where.
    ///   - kind: What.
    ///   - detail: One sentence without any value of the request.
    package init(pointer: JSONPointer, kind: RequestFaultCode, detail: String) {
        self.pointer = pointer
        self.kind = kind
        self.detail = detail
    }

    /// Pointer, code and detail.
    package var description: String { "\(pointer): \(code): \(detail)" }
}

/// The codes of faults. They are part of the API: once released, a code keeps its meaning.
package enum RequestFaultCode: String, Sendable, Hashable, CaseIterable {
    /// A field that must be there is missing.
    case required
    /// A value is of another JSON type.
    case wrongType
    /// A field that requests do not have.
    case unknownField
    /// A number beyond its limits.
    case outOfRange
    /// A list or a map with too many members, or an empty one that must have some.
    case tooMany
    /// A text beyond its limit.
    case tooLong
    /// A text that is none of those allowed, or breaks the syntax for its field.
    case invalidValue
    /// A text that is no image reference.
    case invalidReference
    /// A text that names no registry.
    case invalidRegistry
    /// A label's key or value that Kubernetes would refuse.
    case invalidLabel
    /// A URL that cannot be called.
    case invalidURL
    /// A dockerconfigjson that is none.
    case invalidDockerConfig
    /// The same thing twice.
    case duplicate
    /// Two fields that cannot both hold.
    case conflict
    /// Something that the contract knows and this release or this way of asking does not do.
    case notSupported
    /// Something that the caller's project may not use.
    case notAllowed
    /// A secret in the clear where only references and sealed credentials may be.
    case plaintextCredentialNotAllowed
    /// A credential without a registry in a request for images from several.
    case ambiguousCredential
}

/// Everything that is wrong with a request.
package struct RequestFaults: Error, Sendable, Hashable, CustomStringConvertible {
    /// The first ``maximumListed`` faults, in the order of the fields' reading.
    package private(set) var faults: [RequestFault]
    /// How many there are in all, those that are not listed included.
    package private(set) var totalCount: Int
    /// The most faults that are listed: an answer must stay small however bad a request is.
    package static let maximumListed = 200

    /// Makes a list.
    ///
    /// - Parameter faults: The faults.
    package init(_ faults: [RequestFault] = []) {
        self.faults = Array(faults.prefix(Self.maximumListed))
        self.totalCount = faults.count
    }

    /// Whether nothing is wrong.
    package var isEmpty: Bool { totalCount == 0 }
    /// Whether further faults are only counted.
    package var isFull: Bool { faults.count >= Self.maximumListed }
    /// Whether there are more faults than are listed.
    package var isTruncated: Bool { totalCount > faults.count }
    /// Whether a secret was in the clear where none may be: its owner should change it.
    package var containsPlaintextCredential: Bool { sawPlaintextCredential }
    /// The HTTP status that fits: 422, the request was read and cannot be followed.
    package var suggestedStatus: Int { 422 }

    private var sawPlaintextCredential = false

    /// Adds a fault; over the limit it is only counted.
    ///
    /// - Parameter fault: The fault.
    package mutating func append(_ fault: RequestFault) {
        totalCount += 1
        if fault.kind == .plaintextCredentialNotAllowed { sawPlaintextCredential = true }
        if !isFull { faults.append(fault) }
    }

    /// Counts a fault that is not listed because the list is full, without the cost of describing it.
    package mutating func appendUnlisted() { totalCount += 1 }

    /// The listed faults, one a line.
    package var description: String {
        let lines = faults.map(\.description) + (isTruncated ? ["and \(totalCount - faults.count) more"] : [])
        return lines.joined(separator: "\n")
    }
}
