import WireFormats

/// A request to the API server before it becomes HTTP.
struct APIRequest: Sendable {
    /// The verb of RBAC.
    var verb: String
    /// The HTTP method.
    var method: String
    /// The path below the server's URL, encoded, with a leading slash.
    var path: String
    /// The query, not encoded.
    var query: [(name: String, value: String)] = []
    /// The media type of ``body``.
    var contentType = "application/json"
    /// The body.
    var body: [UInt8]?
    /// Whether sending it twice does no more than sending it once.
    var isRepeatable: Bool
    /// The resource with its subresource, for ``APICall``.
    var resource: String
    /// The group, for ``APICall``.
    var group = ""
    /// The namespace, for ``APICall``.
    var namespace: String?
    /// What of the answer is not read.
    var omitted = JSONPaths()

    /// Path and query.
    var target: String {
        guard !query.isEmpty else { return path }
        let pairs = query.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }
        return "\(path)?\(pairs.joined(separator: "&"))"
    }

    /// A request for objects of a type.
    ///
    /// - Parameters:
    ///   - type: The type.
    ///   - verb: The verb of RBAC.
    ///   - method: The HTTP method.
    ///   - namespace: The namespace; `nil` for all namespaces, and ignored for cluster-wide kinds.
    ///   - name: The object; `nil` for the collection.
    ///   - subresource: For example `status`.
    ///   - isRepeatable: Whether sending it twice does no more than sending it once.
    init<R: KubernetesResource>(
        _ type: R.Type,
        verb: String,
        method: String,
        namespace: String?,
        name: String? = nil,
        subresource: String? = nil,
        isRepeatable: Bool
    ) {
        var path = R.apiGroup.isEmpty ? "/api/\(R.apiVersion)" : "/apis/\(R.apiGroup)/\(R.apiVersion)"
        let namespace = R.isNamespaced ? namespace : nil
        if let namespace { path += "/namespaces/\(Self.encode(namespace))" }
        path += "/\(R.plural)"
        if let name { path += "/\(Self.encode(name))" }
        if let subresource { path += "/\(subresource)" }
        self.init(
            verb: verb,
            method: method,
            path: path,
            isRepeatable: isRepeatable,
            resource: subresource.map { "\(R.plural)/\($0)" } ?? R.plural
        )
        self.group = R.apiGroup
        self.namespace = namespace
    }

    /// A request for a path.
    init(verb: String, method: String, path: String, isRepeatable: Bool, resource: String) {
        self.verb = verb
        self.method = method
        self.path = path
        self.isRepeatable = isRepeatable
        self.resource = resource
    }

    /// Encodes everything but the unreserved characters of RFC 3986, so that no value can leave its place.
    static func encode(_ text: String) -> String {
        // "." and ".." would be folded away by whoever normalises the path; no object can have such a name.
        if text == "." { return "%2E" }
        if text == ".." { return "%2E%2E" }
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%" + Hex.encode([byte]).uppercased()
            }
        }
        return encoded
    }
}
