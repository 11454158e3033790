import KubernetesAPI
import WireFormats

/// Secrets: `stringData`, base64, what each type must hold, immutability.
enum SecretRules {
    /// The most bytes a Secret may hold.
    static let sizeLimit = 1_024 * 1_024

    static let prepare: ResourceHooks.Prepare = { json, _ throws(APIStatusError) in
        json.setDefault("type", "Opaque")
        var data = json["data"]?.object ?? [:]
        for (key, value) in data where !value.isNull {
            do throws(GoBase64.CorruptInput) {
                data[key] = .string(Base64.encode(try GoBase64.decode(value.string ?? "*", padded: true)))
            } catch {
                throw .badRequest("Secret in version \"v1\" cannot be handled as a Secret: \(error.message)")
            }
        }
        for (key, value) in json["stringData"]?.object ?? [:] {
            data[key] = .string(Base64.encode(Array((value.string ?? "").utf8)))
        }
        json.removeMember("stringData")
        if !data.isEmpty { json["data"] = .object(data) }
    }

    static let validate: ResourceHooks.Validate = { new, old in
        var faults: [FieldError] = []
        let data = new["data"]?.object ?? [:]
        var size = 0
        for (key, value) in data {
            if !isDataKey(key) {
                let detail =
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                faults.append(.invalid("data[\(key)]", .string(key), detail))
            }
            size += (value.string ?? "").utf8.count / 4 * 3
        }
        if size > sizeLimit {
            let detail = "may not be more than \(sizeLimit) bytes"
            faults.append(FieldError(path: "data", kind: .tooLong("\"\""), detail: detail))
        }
        faults += typeFaults(new, data)
        if let old, old["type"] != new["type"] {
            faults.append(.invalid("type", new["type"] ?? "", "field is immutable"))
        }
        return faults + validateImmutable(new, old)
    }

    /// The rules of `immutable`, shared with ConfigMaps.
    static let validateImmutable: ResourceHooks.Validate = { new, old in
        guard let old, old["immutable"]?.bool == true else { return [] }
        var faults: [FieldError] = []
        let detail = "field is immutable when `immutable` is set"
        if new["immutable"]?.bool != true { faults.append(.forbidden("immutable", detail)) }
        for field in ["data", "binaryData"] where (new[field] ?? [:]) != (old[field] ?? [:]) {
            faults.append(.forbidden(field, detail))
        }
        return faults
    }

    private static func typeFaults(_ secret: JSONValue, _ data: JSONObject) -> [FieldError] {
        switch secret["type"]?.string {
        case "kubernetes.io/dockerconfigjson": return dockerFaults(data, key: ".dockerconfigjson")
        case "kubernetes.io/dockercfg": return dockerFaults(data, key: ".dockercfg")
        case "kubernetes.io/basic-auth":
            guard data["username"] == nil, data["password"] == nil else { return [] }
            return [.required("data[username]"), .required("data[password]")]
        case "kubernetes.io/ssh-auth": return data["ssh-privatekey"] == nil ? [.required("data[ssh-privatekey]")] : []
        case "kubernetes.io/tls":
            return ["tls.crt", "tls.key"].filter { data[$0] == nil }.map { .required("data[\($0)]") }
        case "kubernetes.io/service-account-token":
            let account = secret[path: "metadata", "annotations"]?["kubernetes.io/service-account.name"]?.string ?? ""
            let path = "metadata.annotations[kubernetes.io/service-account.name]"
            return account.isEmpty ? [.required(path)] : []
        default: return []
        }
    }

    /// The value must be there and must decode into a Go `map[string]interface{}`.
    private static func dockerFaults(_ data: JSONObject, key: String) -> [FieldError] {
        guard let text = data[key]?.string else { return [.required("data[\(key)]")] }
        guard let fault = GoJSONSyntax.objectFault(Base64.decode(text) ?? []) else { return [] }
        return [.invalid("data[\(key)]", "<secret contents redacted>", fault)]
    }

    private static func isDataKey(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        return !bytes.isEmpty && bytes.count <= 253 && key != "." && key != ".." && !key.hasPrefix("..")
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
