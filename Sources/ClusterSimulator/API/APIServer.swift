import Logging
import Synchronization
import WireFormats

/// The API: from a request to an answer. It knows nothing of sockets.
final class APIServer: Sendable {
    let objects: ObjectAPI
    let discovery: Discovery
    let audit: AuditLog
    let faults = FaultTable()
    let bookmarkInterval: Duration
    /// Users by bearer token.
    private let users: Mutex<[String: String]>

    var store: ObjectStore { objects.store }
    var registry: ResourceRegistry { objects.registry }

    init(objects: ObjectAPI, token: String, audit: AuditLog, bookmarkInterval: Duration) {
        self.objects = objects
        self.audit = audit
        self.bookmarkInterval = bookmarkInterval
        discovery = Discovery(registry: objects.registry)
        users = Mutex([token: "kubernetes-admin"])
    }

    func addUser(_ name: String, token: String) { users.withLock { $0[token] = name } }

    /// The user of an `Authorization` header; nil when it does not hold a known token.
    func user(authorization: String?) -> String? {
        guard let authorization, authorization.lowercased().hasPrefix("bearer ") else { return nil }
        let token = String(authorization.dropFirst("bearer ".count).drop { $0 == " " })
        return users.withLock { $0[token] }
    }

    /// Takes `/clusters/<token>` off the path: kubectl sends no `Authorization` header without TLS, so its kubeconfig
    /// carries the token in the server's URL.
    func takePathToken(_ request: inout APIRequest) -> String? {
        guard request.path.hasPrefix(Self.tokenPath) else { return nil }
        let rest = request.path.dropFirst(Self.tokenPath.count)
        let token = rest.prefix { $0 != "/" }
        guard let user = users.withLock({ $0[String(token)] }) else { return nil }
        request.pathPrefix = Self.tokenPath + token
        request.path = String(rest.dropFirst(token.count))
        if request.path.isEmpty { request.path = "/" }
        return user
    }

    static let tokenPath = "/clusters/"

    // MARK: Calls

    /// What a request is, for audit and faults, before anything is done.
    func attributes(_ request: APIRequest) -> AuditRecord {
        let target = RequestTarget(path: request.path)
        return AuditRecord(
            sequence: 0,
            time: .now(),
            verb: Self.verb(request, target),
            group: target?.group ?? "",
            resource: target?.resource ?? "",
            subresource: target?.subresource ?? "",
            namespace: target?.namespace ?? "",
            name: target?.name ?? "",
            user: request.user,
            userAgent: request.userAgent,
            code: 0
        )
    }

    private static func verb(_ request: APIRequest, _ target: RequestTarget?) -> String {
        guard let target, !target.resource.isEmpty else { return request.method.lowercased() }
        switch request.method {
        case "GET", "HEAD":
            if request.query.flag("watch") { return "watch" }
            return target.name == nil ? "list" : "get"
        case "POST": return "create"
        case "PUT": return "update"
        case "PATCH": return "patch"
        case "DELETE": return target.name == nil ? "deletecollection" : "delete"
        default: return request.method.lowercased()
        }
    }

    /// Answers a request.
    func respond(to request: APIRequest) -> APIResponse {
        do throws(APIStatusError) {
            try AccessControl(store: store).check(attributes(request), path: request.path)
            if let answer = discovery.respond(to: request) { return answer }
            guard let target = RequestTarget(path: request.path) else { throw .unknownPath }
            guard
                let definition = registry.definition(
                    group: target.group,
                    version: target.version,
                    plural: target.resource
                )
            else { throw .unknownPath }
            if definition.isVirtual { return try review(definition, request) }
            try check(target, definition)
            return try dispatch(request, target, definition)
        } catch {
            return .error(error)
        }
    }

    private func check(_ target: RequestTarget, _ definition: ResourceDefinition) throws(APIStatusError) {
        if target.namespace != nil, !definition.isNamespaced { throw .unknownPath }
        if target.name != nil, definition.isNamespaced, target.namespace == nil { throw .unknownPath }
        guard let subresource = target.subresource else { return }
        let isServed =
            (subresource == "status" && definition.hasStatus)
            || (subresource == "finalize" && definition.resource == .namespaces)
            || (["binding", "eviction", "log"].contains(subresource) && definition.resource == .pods)
            || (subresource == "token" && definition.resource == AccessControl.serviceAccounts)
        guard isServed else { throw .unknownPath }
    }

    private func dispatch(
        _ request: APIRequest,
        _ target: RequestTarget,
        _ definition: ResourceDefinition
    ) throws(APIStatusError) -> APIResponse {
        let key = target.name.map { ObjectKey(namespace: target.namespace ?? "", name: $0) }
        switch (request.method, key) {
        case ("GET", let key?), ("HEAD", let key?):
            if request.query.flag("watch") { return try watch(request, target, definition) }
            if target.subresource == "log" { return .text("") }
            return render(try objects.get(definition, key), definition, request, status: 200)
        case ("GET", nil), ("HEAD", nil):
            return request.query.flag("watch")
                ? try watch(request, target, definition) : try list(request, target, definition)
        case ("POST", let key?) where target.subresource == "token": return try token(of: key, request)
        case ("POST", let key): return try create(request, target, definition, key)
        case ("PUT", let key?): return try update(request, target, definition, key)
        case ("PATCH", let key?): return try patch(request, target, definition, key)
        case ("DELETE", let key?): return try delete(request, definition, key)
        case ("DELETE", nil): return try deleteCollection(request, target, definition)
        default: throw .methodNotAllowed(request.method)
        }
    }

    /// One object in the form the client asked for.
    func render(
        _ object: StoredObject,
        _ definition: ResourceDefinition,
        _ request: APIRequest,
        status: Int,
        warnings: [String] = []
    ) -> APIResponse {
        let body = request.representation.bytes(object, definition)
        let headers = warnings.map { (name: "Warning", value: "299 - \(JSONValue.string($0).text())") }
        return .body(status: status, body, contentType: "application/json", headers: headers)
    }

    /// Reviews of access: everything is allowed to every known user but service accounts.
    private func review(_ definition: ResourceDefinition, _ request: APIRequest) throws(APIStatusError) -> APIResponse {
        guard request.method == "POST" else { throw .methodNotAllowed(request.method) }
        var review = try objects.typed(definition, request.json())
        let access = AccessControl(store: store)
        switch definition.kind {
        case "SelfSubjectAccessReview":
            let isAllowed = access.allows(request.user, review["spec"] ?? .null)
            review["status"] = ["allowed": .bool(isAllowed)]
        case "SelfSubjectRulesReview":
            review["status"] = [
                "incomplete": false,
                "resourceRules": access.rules(of: request.user, namespace: review["spec"]?["namespace"]?.string ?? ""),
                "nonResourceRules": [["verbs": ["*"], "nonResourceURLs": ["*"]]],
            ]
        default:
            let groups = JSONValue.array(AccessControl.groups(of: request.user).map { .string($0) })
            review["status"] = ["userInfo": ["username": .string(request.user), "groups": groups]]
        }
        return .json(review, status: 201)
    }

    /// Makes a token for a service account (`kubectl create token`). It holds until the simulator ends.
    private func token(of account: ObjectKey, _ request: APIRequest) throws(APIStatusError) -> APIResponse {
        guard store.get(AccessControl.serviceAccounts, account) != nil else {
            throw .notFound(AccessControl.serviceAccounts, account.name)
        }
        var answer = try request.json()
        let token = RandomText.token()
        addUser("\(AccessControl.accountPrefix)\(account.namespace):\(account.name)", token: token)
        let seconds = answer["spec"]?["expirationSeconds"]?.integer ?? 3_600
        answer["apiVersion"] = "authentication.k8s.io/v1"
        answer["kind"] = "TokenRequest"
        answer["status"] = [
            "token": .string(token),
            "expirationTimestamp": .string((Timestamp.now() + .seconds(seconds)).rfc3339Seconds),
        ]
        return .json(answer, status: 201)
    }
}
