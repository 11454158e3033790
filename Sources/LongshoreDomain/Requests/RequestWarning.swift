package import WireFormats

/// Something in a request that is no fault and is probably not what its author wanted.
package struct RequestWarning: Sendable, Hashable, CustomStringConvertible {
    /// Where: the field's JSON pointer.
    package let pointer: JSONPointer
    /// What, as a constant.
    package let code: Code
    /// One sentence for the person who wrote the request. It never quotes a value of the request.
    package let detail: String

    /// The codes of warnings. They are part of the API: once released, a code keeps its meaning.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// A credential that no image of the task is pulled with.
        case unusedCredential
        /// A credential that the kubelet cannot hand to its runtime.
        case unusableCredential
    }

    /// Makes a warning.
    ///
    /// - Parameters:
    ///   - pointer: Where.
    ///   - code: What.
    ///   - detail: One sentence without any value of the request.
    package init(pointer: JSONPointer, code: Code, detail: String) {
        self.pointer = pointer
        self.code = code
        self.detail = detail
    }

    /// The form in answers: `{"pointer": …, "code": …, "detail": …}`.
    package var json: JSONValue {
        ["pointer": .string(pointer.description), "code": .string(code.rawValue), "detail": .string(detail)]
    }

    /// Pointer, code and detail.
    package var description: String { "\(pointer): \(code.rawValue): \(detail)" }
}
