package import LongshoreDomain
package import WireFormats

/// A credential on its way to an executor: which part of which registry it is for, the Secret it is to become, and the sealed
/// bytes, which only the executors of the target cluster can open.
package struct SealedCredential: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The images it may be used for.
    package var scope: RegistryScope
    /// The Secret that the executor makes of it.
    package var secretName: String
    /// The sealed `PlainCredential`.
    package var box: SealedBox

    /// Makes a credential.
    package init(scope: RegistryScope, secretName: String, box: SealedBox) {
        self.scope = scope
        self.secretName = secretName
        self.box = box
    }

    package init(json: JSONValue) throws(JSONMappingError) {
        let text = try json.requiredString("registry")
        do {
            scope = try RegistryScope(parsing: text)
        } catch {
            throw JSONMappingError(expected: "a registry").below("registry")
        }
        secretName = try json.requiredString("secretName")
        box = try json.required("sealed")
    }

    package var json: JSONValue {
        ["registry": .string(scope.key), "secretName": .string(secretName), "sealed": box.json]
    }
}
