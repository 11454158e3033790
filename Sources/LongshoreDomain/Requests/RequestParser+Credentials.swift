import Redaction
import WireFormats

extension RequestParser {
    /// A credential with its place in the request.
    struct PlacedCredential {
        let credential: RegistryCredential
        let pointer: JSONPointer
    }

    mutating func readCredentials(images: [RequestedImage], overrides: [NodeOverride]) -> [RegistryCredential] {
        var placed: [PlacedCredential] = []
        let pointer = JSONPointer.root.appending("registryCredentials")
        let values = array(root, "registryCredentials", at: .root, maximum: RequestLimits.credentials)
        for (index, value) in values.enumerated() {
            placed += readCredential(value, at: pointer.appending(index))
        }
        let unread = root["registryCredentials"]?.array?.dropFirst(RequestLimits.credentials) ?? []
        findPlaintext(in: unread, at: pointer)
        if unread.isEmpty, placed.count > RequestLimits.credentials {
            fault(
                pointer,
                .tooMany,
                "\(placed.count) credentials, at most \(RequestLimits.credentials) are allowed"
            )
        }
        if let flat = readFlatCredential(images: images) { placed.append(flat) }
        checkScopes(placed, images: images)
        return needed(placed, images: images, overrides: overrides)
    }

    /// Tells of a secret in the clear among the credentials over the limit, which are not read: its owner must know that it
    /// was written where others can read it. One fault stands for all of them.
    private mutating func findPlaintext(in values: ArraySlice<JSONValue>, at pointer: JSONPointer) {
        guard channel != .http else { return }
        let fields = ["username", "password", "identityToken", "dockerConfigJson"]
        let found = values.firstIndex { value in fields.contains { value[$0] != nil } }
        if let found { _ = isPlaintextAllowed(at: pointer.appending(found)) }
    }

    /// Two credentials for the same scope would make it chance which one is used. And one for Docker Hub would also be sent
    /// to registries with neither a dot nor a port in their name, because the kubelet takes those for Docker Hub.
    private mutating func checkScopes(_ placed: [PlacedCredential], images: [RequestedImage]) {
        guard !placed.isEmpty else { return }
        var seen: Set<RegistryScope> = []
        let hasBareHost = images.contains { image in
            !image.reference.domain.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") }
        }
        for credential in placed {
            if !seen.insert(credential.credential.scope).inserted {
                fault(credential.pointer, .duplicate, "there is another credential for the same registry and path")
            }
            if hasBareHost, credential.credential.scope.isDockerHub {
                fault(
                    credential.pointer,
                    .conflict,
                    "the kubelet would send it to localhost too; write the port in the image's name, as localhost:80"
                )
            }
        }
    }

    /// Leaves out what no image can need, and says so: a secret that is not needed is not carried, kept or given to any Job.
    /// References cost nothing and stay. Where overrides lead images to other registries, all stay.
    private mutating func needed(
        _ placed: [PlacedCredential],
        images: [RequestedImage],
        overrides: [NodeOverride]
    ) -> [RegistryCredential] {
        let credentials = placed.map(\.credential)
        let movesImages = overrides.contains { override in
            override.images.contains { $0.component != .tag }
        }
        if movesImages || credentials.isEmpty { return credentials }
        // An image with a Secret of its own is pulled with that one.
        let open = images.filter { $0.secretName == nil }.map(\.reference)
        let used = Set(images.compactMap { credentials.credential(for: $0.reference)?.scope })
        let shown = Set(open.compactMap { credentials.credential(for: $0)?.scope })
        for credential in placed where !shown.contains(credential.credential.scope) {
            let detail = Self.unusedDetail(credential.credential.scope, images.map(\.reference), open)
            warnings.append(RequestWarning(pointer: credential.pointer, code: .unusedCredential, detail: detail))
        }
        return credentials.filter { credential in
            if case .secretRef = credential.source { true } else { used.contains(credential.scope) }
        }
    }

    /// Why no image is pulled with a credential. It quotes nothing: where the registry should stand a password may.
    private static func unusedDetail(
        _ scope: RegistryScope,
        _ images: [ImageReference],
        _ open: [ImageReference]
    ) -> String {
        if open.contains(where: scope.matches) {
            return "every image that it covers has a more specific credential: this one is not used"
        }
        if images.contains(where: scope.matches) {
            return "every image that it covers has a Secret of its own: this one is not used"
        }
        let name = scope.hostWithoutPort
        let registries = images.map { RegistryScope(registryOf: $0) }
        guard registries.contains(where: { $0.hostWithoutPort == name && $0.host != scope.host }) else {
            return "it covers no image of the task: this credential is not used"
        }
        return
            "it covers no image of the task and is not used: with another port, or none, a host is another registry; "
            + "write the registry as the images do"
    }

    // MARK: One entry

    private static let credentialFields = [
        "registry", "username", "password", "identityToken", "secretRef", "credential", "dockerConfigJson", "sealed",
    ]

    mutating func readCredential(_ value: JSONValue, at pointer: JSONPointer) -> [PlacedCredential] {
        guard let object = object(value, at: pointer, fields: Self.credentialFields) else { return [] }
        var kinds = ["identityToken", "secretRef", "credential", "dockerConfigJson", "sealed"].filter {
            object[$0] != nil
        }
        if object["username"] != nil || object["password"] != nil { kinds.append("username and password") }
        guard let kind = kinds.first else {
            fault(
                pointer,
                .required,
                "give one of username and password, identityToken, secretRef, sealed or dockerConfigJson"
            )
            _ = readScope(object, at: pointer)
            return []
        }
        guard kinds.count == 1 else {
            fault(pointer, .conflict, "\(kinds.joined(separator: ", ")) exclude each other")
            return []
        }
        if kind == "dockerConfigJson" {
            return readDockerConfig(object, at: pointer)
        }
        let scope = readScope(object, at: pointer)
        guard let source = readSource(kind, object, at: pointer), let scope else { return [] }
        let credential = RegistryCredential(scope: scope, source: source)
        return [PlacedCredential(credential: credential, pointer: pointer)]
    }

    private mutating func readSource(
        _ kind: String,
        _ object: JSONObject,
        at pointer: JSONPointer
    ) -> CredentialSource? {
        switch kind {
        case "secretRef": return readSecretReference(object, at: pointer).map { .secretRef(name: $0) }
        case "sealed": return readSealed(object, at: pointer)
        case "identityToken": return readIdentityToken(object, at: pointer)
        case "credential":
            fault(
                pointer.appending("credential"),
                .notSupported,
                "saved credentials are not part of this release; use secretRef, sealed or username and password"
            )
            return nil
        default: return readBasic(object, at: pointer)
        }
    }

    private mutating func readScope(_ object: JSONObject, at pointer: JSONPointer) -> RegistryScope? {
        guard
            let text = requiredString(object, "registry", at: pointer, maximum: RegistryScope.maximumLength)
        else { return nil }
        do {
            return try RegistryScope(parsing: text)
        } catch {
            fault(pointer.appending("registry"), .invalidRegistry, error.message)
            return nil
        }
    }

    private mutating func readBasic(_ object: JSONObject, at pointer: JSONPointer) -> CredentialSource? {
        guard isPlaintextAllowed(at: pointer.appending(object["password"] == nil ? "username" : "password")) else {
            return nil
        }
        let username = requiredString(object, "username", at: pointer, maximum: RequestLimits.usernameBytes)
        let password = requiredString(object, "password", at: pointer, maximum: RequestLimits.passwordBytes)
        if let username, let problem = CredentialText.problem(username: username) {
            fault(pointer.appending("username"), .invalidValue, problem)
            return nil
        }
        if let password, let problem = CredentialText.problem(secret: password) {
            fault(pointer.appending("password"), .invalidValue, problem)
            return nil
        }
        guard let username, let password else { return nil }
        return .basic(username: username, password: SecretBytes(utf8: password))
    }

    private mutating func readIdentityToken(_ object: JSONObject, at pointer: JSONPointer) -> CredentialSource? {
        let place = pointer.appending("identityToken")
        guard isPlaintextAllowed(at: place) else { return nil }
        guard let text = string(object, "identityToken", at: pointer, maximum: RequestLimits.tokenBytes) else {
            return nil
        }
        if let problem = CredentialText.problem(secret: text) {
            fault(place, .invalidValue, problem)
            return nil
        }
        return .identityToken(SecretBytes(utf8: text))
    }

    private mutating func readSealed(_ object: JSONObject, at pointer: JSONPointer) -> CredentialSource? {
        let place = pointer.appending("sealed")
        guard channel != .pullTask else {
            fault(
                place,
                .notSupported,
                "a PullTask names a Secret with secretRef; sealed credentials go to Kafka or HTTP"
            )
            return nil
        }
        guard let value = object["sealed"],
            let sealed = self.object(value, at: place, fields: ["keyId", "enc", "ciphertext"])
        else { return nil }
        let keyID = requiredString(sealed, "keyId", at: place, maximum: 128)
        if let keyID, !ReferenceGrammar.isTag(Array(keyID.utf8)[...]) {
            fault(place.appending("keyId"), .invalidValue, "must be 1 to 128 letters, digits, '.', '_' or '-'")
            return nil
        }
        let key = readBase64(sealed, "enc", at: place, maximum: SealedBox.maximumKeyBytes)
        let text = readBase64(sealed, "ciphertext", at: place, maximum: SealedBox.maximumCiphertextBytes)
        guard let keyID, let key, let text else { return nil }
        return .sealed(SealedBox(keyID: keyID, encapsulatedKey: key, ciphertext: text))
    }

    private mutating func readBase64(
        _ object: JSONObject,
        _ key: String,
        at pointer: JSONPointer,
        maximum: Int
    ) -> [UInt8]? {
        guard let text = requiredString(object, key, at: pointer, maximum: maximum * 4 / 3 + 4) else { return nil }
        guard let bytes = Base64.decode(text), !bytes.isEmpty else {
            fault(pointer.appending(key), .invalidValue, "must be base64 with its padding, not empty")
            return nil
        }
        return bytes
    }

    private mutating func readDockerConfig(_ object: JSONObject, at pointer: JSONPointer) -> [PlacedCredential] {
        let place = pointer.appending("dockerConfigJson")
        guard isPlaintextAllowed(at: place) else { return [] }
        if object["registry"] != nil {
            fault(pointer.appending("registry"), .conflict, "dockerConfigJson names its registries itself")
        }
        guard let value = object["dockerConfigJson"] else { return [] }
        do {
            let entries = try DockerConfigurationFile(json: value).entries
            return entries.map { entry in
                let pointer = place.appending("auths").appending(entry.safeKey)
                if case .dockerConfigJSON = entry.credential.source {
                    let detail =
                        "nodes cannot use a registrytoken, only user name and password: they will pull without a credential"
                    warnings.append(RequestWarning(pointer: pointer, code: .unusableCredential, detail: detail))
                }
                return PlacedCredential(credential: entry.credential, pointer: pointer)
            }
        } catch {
            for problem in error.problems {
                fault(place.appending(problem.pointer), .invalidDockerConfig, problem.detail)
            }
            return []
        }
    }

    /// Whether secrets may be in the clear on this channel; a fault when not.
    private mutating func isPlaintextAllowed(at pointer: JSONPointer) -> Bool {
        switch channel {
        case .http: return true
        case .kafka:
            fault(
                pointer,
                .plaintextCredentialNotAllowed,
                "topics are kept: send a sealed credential or a secretRef, and change this one, which has been written to Kafka"
            )
        case .pullTask:
            fault(
                pointer,
                .plaintextCredentialNotAllowed,
                "a PullTask is kept in the clear: use a secretRef, and change this one, which has been written to the cluster"
            )
        }
        return false
    }

    // MARK: The single credential of older clients

    /// `registry`, `username` and `password` beside `images`. All three empty mean none, as older clients send them.
    private mutating func readFlatCredential(images: [RequestedImage]) -> PlacedCredential? {
        let fields = ["registry", "username", "password"].filter { root[$0] != nil && root[$0]?.string != "" }
        guard !fields.isEmpty else { return nil }
        let hasRegistry = fields.contains("registry")
        if fields == ["registry"] {
            // Without an account there is nothing to send; the name of the registry is still checked.
            _ = readScope(root, at: .root)
            return nil
        }
        guard let source = readBasic(root, at: .root) else {
            if hasRegistry { _ = readScope(root, at: .root) }
            return nil
        }
        let pointer = JSONPointer.root.appending("registry")
        guard !hasRegistry else {
            return readScope(root, at: .root).map {
                PlacedCredential(credential: RegistryCredential(scope: $0, source: source), pointer: pointer)
            }
        }
        let scopes = Set(images.map { RegistryScope(registryOf: $0.reference) })
        guard scopes.count <= 1 else {
            fault(
                pointer,
                .ambiguousCredential,
                "images come from \(scopes.count) registries: say which one this is for"
            )
            return nil
        }
        return scopes.first.map {
            PlacedCredential(credential: RegistryCredential(scope: $0, source: source), pointer: pointer)
        }
    }
}
