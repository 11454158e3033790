package import WireFormats

/// Something that containers of a Pod can mount.
package struct Volume: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Where a volume's content comes from.
    package enum Source: Sendable, Hashable {
        /// An empty folder; `medium` may be `Memory`, `sizeLimit` is a quantity.
        case emptyDir(medium: String?, sizeLimit: String?)
        /// The content of an image, read-only (KEP-4639).
        case image(reference: String, pullPolicy: String?)
        /// The values of a Secret as files.
        case secret(name: String, isOptional: Bool)
        /// A source that this module has no fields for; the object under its own key.
        case other(key: String, value: JSONValue)
    }

    /// The name, unique in the Pod.
    package var name: String
    /// Where the content comes from.
    package var source: Source

    /// Creates a volume.
    package init(name: String, source: Source) {
        self.name = name
        self.source = source
    }

    /// Reads a volume.
    package init(json: JSONValue) throws(JSONMappingError) {
        name = json["name"]?.string ?? ""
        if let value = json["emptyDir"] {
            source = .emptyDir(medium: value["medium"]?.string, sizeLimit: value["sizeLimit"]?.string)
        } else if let value = json["image"] {
            source = .image(
                reference: value["reference"]?.string ?? "",
                pullPolicy: value["pullPolicy"]?.string
            )
        } else if let value = json["secret"] {
            source = .secret(
                name: value["secretName"]?.string ?? "",
                isOptional: value["optional"]?.bool ?? false
            )
        } else {
            let other = json.object?.first { $0.key != "name" }
            source = .other(key: other?.key ?? "", value: other?.value ?? .null)
        }
    }

    /// The volume as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("name", name)
        var value = JSONObject()
        switch source {
        case .emptyDir(let medium, let sizeLimit):
            value.set("medium", medium)
            value.set("sizeLimit", sizeLimit)
            object["emptyDir"] = .object(value)
        case .image(let reference, let pullPolicy):
            value.set("reference", reference)
            value.set("pullPolicy", pullPolicy)
            object["image"] = .object(value)
        case .secret(let name, let isOptional):
            value.set("secretName", name)
            value.set("optional", isOptional ? true : nil)
            object["secret"] = .object(value)
        case .other(let key, let other):
            if !key.isEmpty { object[key] = other }
        }
        return .object(object)
    }
}
