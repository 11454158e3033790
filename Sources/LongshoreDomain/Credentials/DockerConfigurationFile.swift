import Redaction
package import WireFormats

/// A dockerconfigjson, checked (feature C11) and split into one credential for each of its registries.
///
/// What is checked: JSON, an object with a non-empty `auths`, each key a registry, each entry a usable and well-formed
/// credential. Fields that Docker's own file has beside `auths` are ignored.
package struct DockerConfigurationFile: Sendable {
    /// The registries with their credentials, in the file's order.
    package let entries: [Entry]

    /// One registry of the file.
    package struct Entry: Sendable {
        /// Its key in `auths` where that can be shown, else `?`.
        package let safeKey: String
        /// The registry and its credential.
        package let credential: RegistryCredential
    }

    /// One thing that is wrong, without any value of the file.
    package struct Problem: Sendable, Hashable {
        /// Where.
        package let pointer: JSONPointer
        /// What.
        package let detail: String
    }

    /// Everything that is wrong with a dockerconfigjson.
    package struct Problems: Error, Sendable, Hashable, CustomStringConvertible {
        /// All problems, in the file's order.
        package let problems: [Problem]

        /// The problems, one a line.
        package var description: String {
            problems.map { "\($0.pointer): \($0.detail)" }.joined(separator: "\n")
        }
    }

    /// The most bytes of a file, as in a Secret.
    package static let maximumBytes = 1 << 20

    /// Reads the bytes of a file or of a Secret's `.dockerconfigjson`.
    ///
    /// - Parameter bytes: The JSON text.
    /// - Throws: ``Problems`` with everything that is wrong.
    package init(parsing bytes: [UInt8]) throws(Problems) {
        self.entries = try Self.read(try Self.parse(bytes))
    }

    /// Reads a file given as JSON, or as a text that holds the JSON.
    ///
    /// - Parameter json: An object or a string.
    /// - Throws: ``Problems`` with everything that is wrong.
    package init(json: JSONValue) throws(Problems) {
        self.entries = try Self.read(
            try json.string.map { text throws(Problems) in try Self.parse(Array(text.utf8)) } ?? json
        )
    }

    private static func parse(_ bytes: [UInt8]) throws(Problems) -> JSONValue {
        guard bytes.count <= maximumBytes else {
            throw Problems(problems: [Problem(pointer: .root, detail: "longer than \(maximumBytes) bytes")])
        }
        do {
            return try JSONValue(parsing: bytes, limits: JSONValue.ParsingLimits(maximumDepth: 16))
        } catch {
            throw Problems(problems: [Problem(pointer: .root, detail: "is not JSON")])
        }
    }

    private static func read(_ json: JSONValue) throws(Problems) -> [Entry] {
        var reader = DockerConfigurationReader()
        let entries = reader.read(json)
        guard reader.problems.isEmpty else { throw Problems(problems: reader.problems) }
        return entries
    }
}

/// Collects the entries and the problems of a dockerconfigjson.
private struct DockerConfigurationReader {
    var problems: [DockerConfigurationFile.Problem] = []

    mutating func read(_ json: JSONValue) -> [DockerConfigurationFile.Entry] {
        let pointer = JSONPointer.root.appending("auths")
        guard let file = json.object else {
            add(.root, "expected an object, found \(json.kindName)")
            return []
        }
        guard let value = file["auths"] else {
            add(pointer, "auths is required")
            return []
        }
        guard let auths = value.object else {
            add(pointer, "expected an object, found \(value.kindName)")
            return []
        }
        if auths.isEmpty { add(pointer, "auths must not be empty") }
        if auths.count > RequestLimits.credentials {
            add(pointer, "\(auths.count) registries, at most \(RequestLimits.credentials) are allowed")
            return []
        }
        return auths.compactMap { key, value in entry(key, value) }
    }

    private mutating func entry(_ key: String, _ value: JSONValue) -> DockerConfigurationFile.Entry? {
        var scope: RegistryScope?
        var place = JSONPointer.root.appending("auths").appending("?")
        do {
            scope = try RegistryScope(parsing: key)
            place = JSONPointer.root.appending("auths").appending(key)
        } catch {
            add(place, error.message)
        }
        guard let object = value.object else {
            add(place, "expected an object, found \(value.kindName)")
            return nil
        }
        guard let source = source(object, at: place, scope: scope), let scope else { return nil }
        let credential = RegistryCredential(scope: scope, source: source)
        return DockerConfigurationFile.Entry(safeKey: key, credential: credential)
    }

    private mutating func source(
        _ object: JSONObject,
        at pointer: JSONPointer,
        scope: RegistryScope?
    ) -> CredentialSource? {
        var texts: [String: String] = [:]
        let maxima = ["username": RequestLimits.usernameBytes, "password": RequestLimits.passwordBytes]
        for key in ["username", "password", "auth", "identitytoken", "registrytoken"] {
            guard let value = object[key], !value.isNull else { continue }
            guard let text = value.string else {
                add(pointer.appending(key), "expected a string, found \(value.kindName)")
                return nil
            }
            guard text.utf8.count <= maxima[key] ?? RequestLimits.tokenBytes else {
                add(pointer.appending(key), "is too long")
                return nil
            }
            if !text.isEmpty { texts[key] = text }
        }
        for key in ["identitytoken", "registrytoken"] {
            if let text = texts[key], let problem = CredentialText.problem(secret: text) {
                add(pointer.appending(key), problem)
                return nil
            }
        }
        if let token = texts["identitytoken"] { return .identityToken(SecretBytes(utf8: token)) }
        if let token = texts["registrytoken"] { return registryToken(token, scope: scope) }
        return basic(texts, at: pointer)
    }

    private mutating func basic(_ texts: [String: String], at pointer: JSONPointer) -> CredentialSource? {
        var username = texts["username"]
        var password = texts["password"]
        if let auth = texts["auth"] {
            guard let pair = Self.split(auth) else {
                add(pointer.appending("auth"), "must be base64 of a user name, a colon and a password")
                return nil
            }
            if let username, username != pair.username {
                add(pointer.appending("auth"), "holds another user name than username")
                return nil
            }
            if let password, password != pair.password {
                add(pointer.appending("auth"), "holds another password than password")
                return nil
            }
            (username, password) = (pair.username, pair.password)
        }
        guard let username, let password else {
            add(pointer, "has neither auth nor username and password nor a token")
            return nil
        }
        if let problem = CredentialText.problem(username: username) {
            add(pointer.appending(texts["auth"] == nil ? "username" : "auth"), "the user name \(problem)")
            return nil
        }
        if let problem = CredentialText.problem(secret: password) {
            add(pointer.appending(texts["auth"] == nil ? "password" : "auth"), "the password \(problem)")
            return nil
        }
        return .basic(username: username, password: SecretBytes(utf8: password))
    }

    /// Docker pads its base64, others do not, `base64` breaks its lines, and Docker ends old passwords with NUL; the kubelet
    /// reads all of these.
    private static func split(_ text: String) -> (username: String, password: String)? {
        let auth = String(decoding: text.utf8.filter { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
        let missing = (4 - auth.utf8.count % 4) % 4
        guard missing < 3, let bytes = Base64.decode(auth + String(repeating: "=", count: missing)),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        var password = bytes[(colon + 1)...]
        while password.last == 0 { password.removeLast() }
        guard let name = String(validating: bytes[..<colon], as: UTF8.self),
            let secret = String(validating: password, as: UTF8.self)
        else { return nil }
        return (name, secret)
    }

    private func registryToken(_ token: String, scope: RegistryScope?) -> CredentialSource? {
        guard let scope else { return nil }
        let file: JSONValue = ["auths": .object([scope.dockerConfigKey: ["registrytoken": .string(token)]])]
        return .dockerConfigJSON(SecretBytes(file.serialized()))
    }

    private mutating func add(_ pointer: JSONPointer, _ detail: String) {
        problems.append(DockerConfigurationFile.Problem(pointer: pointer, detail: detail))
    }
}
