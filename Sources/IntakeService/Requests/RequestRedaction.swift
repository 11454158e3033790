import LongshoreDomain
import Redaction
import WireFormats

/// Takes what may be a secret out of a request that was refused, before it is kept.
///
/// It works by what may stay, not by what must go: a password can stand under a misspelled name, in a field that does not
/// exist, or in the place of a whole object.
enum RequestRedaction {
    static let replacement = JSONValue.string("<redacted>")

    /// Fields that are kept when their value is a number.
    private static let numbers: Set<String> = [
        "priority", "batchSize", "failureTolerance", "timeoutSeconds", "deadlineSeconds", "maxRetries", "retryDelay",
        "retryMaxDelaySeconds", "ttlSecondsAfterFinished",
    ]

    /// The request without anything that may be a secret.
    static func redact(_ request: JSONValue) -> JSONValue {
        guard let object = request.object else { return replacement }
        var redacted = JSONObject()
        for (key, value) in object {
            switch key {
            case "images": redacted[key] = list(value, image)
            case "registryCredentials": redacted[key] = list(value, credential)
            case "project", "cluster":
                let isName = value.string.map { KubernetesNames.isLabel(Array($0.utf8)) } ?? false
                redacted[key] = isName ? value : replacement
            case _ where numbers.contains(key): redacted[key] = value.double == nil ? replacement : value
            default: redacted[name(key, in: redacted)] = replacement
            }
        }
        return .object(redacted)
    }

    /// Fields, at the top or of a credential, whose texts describe the work; what stands elsewhere may be a secret.
    private static let descriptions: Set<String> = [
        "operation", "images", "nodeSelector", "nodes", "overrides", "project", "cluster", "labels", "pullPolicy",
        "strategy",
        "checks", "retryStrategy", "webhookEvents", "registry", "username", "credential", "secretRef", "sealed", "use",
    ]

    /// The texts of a request that are or may be secrets, so that they can be taken out of what else is kept of its message.
    static func secrets(in request: JSONValue) -> [SecretBytes] {
        var found: [SecretBytes] = []
        func collect(_ value: JSONValue) {
            if let text = value.string { found.append(SecretBytes(utf8: text)) }
            for element in value.array ?? [] { collect(element) }
            for (_, element) in value.object ?? [:] { collect(element) }
        }
        for (key, value) in request.object ?? [:] {
            if key == "registryCredentials", let credentials = value.array {
                for credential in credentials.prefix(RequestLimits.images) {
                    for (key, value) in credential.object ?? [:] where !descriptions.contains(key) { collect(value) }
                }
            } else if !descriptions.contains(key) {
                collect(value)
            }
            if found.count > maximumSecrets { break }
        }
        return Array(found.prefix(maximumSecrets))
    }

    private static let maximumSecrets = 200

    /// A reference has no secrets in it, what is no reference may be anything.
    private static func image(_ value: JSONValue) -> JSONValue {
        if let text = value.string { return (try? ImageReference(parsing: text)) == nil ? replacement : value }
        guard let object = value.object else { return replacement }
        var redacted = JSONObject()
        for (key, value) in object {
            switch key {
            case "image": redacted[key] = image(value)
            case "secretRef": redacted[key] = reference(value)
            default: redacted[name(key, in: redacted)] = replacement
            }
        }
        return .object(redacted)
    }

    private static func credential(_ value: JSONValue) -> JSONValue {
        guard let object = value.object else { return replacement }
        var redacted = JSONObject()
        for (key, value) in object {
            switch key {
            case "registry":
                let isRegistry = value.string.map { (try? RegistryScope(parsing: $0)) != nil } ?? false
                redacted[key] = isRegistry ? value : replacement
            case "secretRef": redacted[key] = reference(value)
            case "sealed": redacted[key] = sealed(value)
            default: redacted[name(key, in: redacted)] = replacement
            }
        }
        return .object(redacted)
    }

    private static func reference(_ value: JSONValue) -> JSONValue {
        guard let name = value["name"]?.string, KubernetesNames.isSubdomain(name) else { return replacement }
        return ["name": .string(name)]
    }

    /// The id of the key, which tells why a box does not open; ids are hexadecimal.
    private static func sealed(_ value: JSONValue) -> JSONValue {
        guard let keyID = value["keyId"]?.string, keyID.utf8.count <= 64, Hex.decode(keyID) != nil else {
            return replacement
        }
        return ["keyId": .string(keyID)]
    }

    private static func list(_ value: JSONValue, _ element: (JSONValue) -> JSONValue) -> JSONValue {
        value.array.map { .array($0.prefix(RequestLimits.images).map(element)) } ?? replacement
    }

    /// A field's name, where it looks like one; names are the client's own text.
    private static func name(_ key: String, in object: JSONObject) -> String {
        let isWord = key.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        }
        return isWord && key.utf8.count <= 32 ? key : "unknown-\(object.count)"
    }
}
