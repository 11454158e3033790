import WireFormats

/// Says what service accounts may do, by the roles and bindings that are in the cluster (RBAC). Every other known user may
/// do everything, as an administrator.
struct AccessControl: Sendable {
    let store: ObjectStore

    static let accountPrefix = "system:serviceaccount:"
    static let serviceAccounts = GroupResource(group: "", resource: "serviceaccounts")
    private static let group = "rbac.authorization.k8s.io"

    /// Refuses a call that its user may not make.
    ///
    /// - Parameters:
    ///   - call: What is asked, and by whom.
    ///   - path: The request's path: those of discovery are open to all.
    /// - Throws: `Forbidden`, in the words of the real API server.
    func check(_ call: AuditRecord, path: String) throws(APIStatusError) {
        guard call.user.hasPrefix(Self.accountPrefix) else { return }
        let resource = GroupResource(group: call.group, resource: call.resource)
        guard !call.resource.isEmpty else {
            // Of what is no resource, the role system:discovery gives all but the simulator's own knobs.
            if !path.hasPrefix("/simulator") { return }
            throw .forbidden(resource, "", "User \"\(call.user)\" cannot \(call.verb) path \"\(path)\"")
        }
        // Reviews of one's own rights are open to all (system:basic-user).
        if ["authorization.k8s.io", "authentication.k8s.io"].contains(call.group) { return }
        let name = call.subresource.isEmpty ? call.resource : "\(call.resource)/\(call.subresource)"
        let isAllowed = allows(
            call.user,
            verb: call.verb,
            group: call.group,
            resource: name,
            namespace: call.namespace,
            name: call.name
        )
        if isAllowed { return }
        let place = call.namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(call.namespace)\""
        throw .forbidden(
            resource,
            call.name,
            "User \"\(call.user)\" cannot \(call.verb) resource \"\(name)\" in API group \"\(call.group)\" \(place)"
        )
    }

    /// Whether a user may do what a SelfSubjectAccessReview's `spec` names.
    func allows(_ user: String, _ spec: JSONValue) -> Bool {
        guard user.hasPrefix(Self.accountPrefix), let asked = spec["resourceAttributes"] else { return true }
        let parts = [asked["resource"]?.string ?? "", asked["subresource"]?.string ?? ""]
        return allows(
            user,
            verb: asked["verb"]?.string ?? "",
            group: asked["group"]?.string ?? "",
            resource: parts.filter { !$0.isEmpty }.joined(separator: "/"),
            namespace: asked["namespace"]?.string ?? "",
            name: asked["name"]?.string ?? ""
        )
    }

    /// The rules that hold for a user in a namespace; `*` for administrators.
    func rules(of user: String, namespace: String) -> JSONValue {
        guard user.hasPrefix(Self.accountPrefix) else {
            return [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]]
        }
        return .array(granted(to: user, namespace: namespace))
    }

    /// The groups of a user.
    static func groups(of user: String) -> [String] {
        guard user.hasPrefix(accountPrefix) else { return ["system:masters", "system:authenticated"] }
        let namespace = user.dropFirst(accountPrefix.count).prefix { $0 != ":" }
        return ["system:serviceaccounts", "system:serviceaccounts:\(namespace)", "system:authenticated"]
    }

    private func allows(
        _ user: String,
        verb: String,
        group: String,
        resource: String,
        namespace: String,
        name: String
    ) -> Bool {
        granted(to: user, namespace: namespace).contains { rule in
            func has(_ field: String, _ wanted: String) -> Bool {
                rule[field]?.array?.contains { $0.string == "*" || $0.string == wanted } ?? false
            }
            let names = rule["resourceNames"]?.array ?? []
            return has("verbs", verb) && has("apiGroups", group) && has("resources", resource)
                && (names.isEmpty || names.contains(.string(name)))
        }
    }

    /// The rules of all roles that are bound to a user for the whole cluster or for a namespace.
    private func granted(to user: String, namespace: String) -> [JSONValue] {
        let everywhere = bindings("clusterrolebindings", namespace: nil)
        let here = namespace.isEmpty ? [] : bindings("rolebindings", namespace: namespace)
        return (everywhere + here).filter { binds($0, user) }.flatMap { binding in
            let isRole = binding["roleRef"]?["kind"]?.string == "Role"
            let resource = GroupResource(group: Self.group, resource: isRole ? "roles" : "clusterroles")
            let name = binding["roleRef"]?["name"]?.string ?? ""
            let role = store.get(resource, ObjectKey(namespace: isRole ? namespace : "", name: name))
            return role?.json["rules"]?.array ?? []
        }
    }

    private func bindings(_ resource: String, namespace: String?) -> [JSONValue] {
        store.list(GroupResource(group: Self.group, resource: resource), namespace: namespace).objects.map(\.json)
    }

    private func binds(_ binding: JSONValue, _ user: String) -> Bool {
        (binding["subjects"]?.array ?? []).contains { subject in
            let name = subject["name"]?.string ?? ""
            switch subject["kind"]?.string {
            case "ServiceAccount": return user == "\(Self.accountPrefix)\(subject["namespace"]?.string ?? ""):\(name)"
            case "Group": return Self.groups(of: user).contains(name)
            default: return user == name
            }
        }
    }
}
