import Logging
import WireFormats

extension KubernetesClient {
    /// Reads an object.
    ///
    /// - Parameters:
    ///   - type: Its type.
    ///   - name: Its name.
    ///   - namespace: Its namespace; `nil` for the configuration's.
    /// - Returns: The object.
    /// - Throws: ``KubernetesError``, `notFound` where there is none.
    package func get<R: KubernetesResource>(
        _ type: R.Type,
        name: String,
        namespace: String? = nil
    ) async throws(KubernetesError) -> R {
        let request = APIRequest(
            type,
            verb: "get",
            method: "GET",
            namespace: namespace ?? configuration.defaultNamespace,
            name: name,
            isRepeatable: true
        )
        return try read(type, try await perform(request))
    }

    /// Reads an object that may not exist.
    ///
    /// - Returns: The object; `nil` where there is none.
    package func getIfPresent<R: KubernetesResource>(
        _ type: R.Type,
        name: String,
        namespace: String? = nil
    ) async throws(KubernetesError) -> R? {
        do throws(KubernetesError) {
            return try await get(type, name: name, namespace: namespace)
        } catch  where error.reason == .notFound {
            return nil
        }
    }

    /// Lists objects: those of one answer, which `options.limit` can make a page.
    ///
    /// - Throws: ``KubernetesError``, `expired` where the continue token is too old.
    package func list<R: KubernetesResource>(
        _ type: R.Type,
        _ options: ListOptions = ListOptions()
    ) async throws(KubernetesError) -> ResourceList<R> {
        var request = APIRequest(
            type,
            verb: "list",
            method: "GET",
            namespace: options.namespace,
            isRepeatable: true
        )
        request.query = options.listQuery
        request.omitted = options.omitted.within("items")
        let json = try await perform(request)
        guard let items = json["items"], items.isNull || items.array != nil else {
            throw KubernetesError(reason: .invalidResponse, message: "list \(R.plural): the answer has no items")
        }
        var list = ResourceList<R>()
        list.resourceVersion = json["metadata"]?["resourceVersion"]?.string ?? ""
        list.continueToken = json["metadata"]?["continue"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        let array = items.array ?? []
        list.items.reserveCapacity(array.count)
        for item in array {
            do throws(JSONMappingError) {
                list.items.append(try R(json: item))
            } catch {
                list.unreadable.append(unreadable(type, item, error))
            }
        }
        return list
    }

    /// Lists all objects, page by page, as of one moment.
    ///
    /// A list that takes so long that the server has forgotten its version is started again, in the end without pages.
    ///
    /// - Parameters:
    ///   - type: The type.
    ///   - options: The selection.
    ///   - pageSize: The most objects of one answer; 500 by default.
    /// - Returns: All objects; a watch that starts at the list's version misses nothing.
    /// - Throws: ``KubernetesError``.
    package func listAll<R: KubernetesResource>(
        _ type: R.Type,
        _ options: ListOptions = ListOptions(),
        pageSize: Int = 500
    ) async throws(KubernetesError) -> ResourceList<R> {
        var options = options
        options.limit = pageSize
        for _ in 0..<2 {
            do throws(KubernetesError) {
                return try await listPages(type, options)
            } catch  where error.reason == .expired {
                options.continueToken = nil
            }
        }
        options.limit = nil
        return try await list(type, options)
    }

    private func listPages<R: KubernetesResource>(
        _ type: R.Type,
        _ options: ListOptions
    ) async throws(KubernetesError) -> ResourceList<R> {
        var options = options
        var all = ResourceList<R>()
        repeat {
            let page = try await list(type, options)
            all.items += page.items
            all.unreadable += page.unreadable
            all.resourceVersion = page.resourceVersion
            options.continueToken = page.continueToken
        } while options.continueToken != nil
        return all
    }

    /// The server's version; also the cheapest way to see whether it answers.
    package func serverVersion() async throws(KubernetesError) -> KubernetesVersion {
        let json = try await perform(
            APIRequest(verb: "get", method: "GET", path: "/version", isRepeatable: true, resource: "version")
        )
        guard let version = KubernetesVersion(json) else {
            throw KubernetesError(reason: .invalidResponse, message: "the server told no version")
        }
        return version
    }

    /// Asks whether we may do something (`SelfSubjectAccessReview`).
    ///
    /// - Parameters:
    ///   - verb: The verb of RBAC.
    ///   - resource: The resource's plural.
    ///   - group: Its API group.
    ///   - subresource: For example `status`.
    ///   - namespace: The namespace; `nil` for all, and for cluster-wide kinds.
    ///   - name: One object; `nil` for all.
    /// - Returns: Whether it is allowed.
    /// - Throws: ``KubernetesError``.
    package func canI(
        _ verb: String,
        _ resource: String,
        group: String = "",
        subresource: String? = nil,
        namespace: String? = nil,
        name: String? = nil
    ) async throws(KubernetesError) -> Bool {
        var attributes = JSONObject()
        attributes.set("verb", verb)
        attributes.set("resource", resource)
        attributes.set("group", group)
        attributes.set("subresource", subresource)
        attributes.set("namespace", namespace)
        attributes.set("name", name)
        let review: JSONValue = .object([
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": .object(["resourceAttributes": .object(attributes)]),
        ])
        var request = APIRequest(
            verb: "create",
            method: "POST",
            path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            isRepeatable: true,
            resource: "selfsubjectaccessreviews"
        )
        request.group = "authorization.k8s.io"
        request.body = review.serialized()
        let answer = try await perform(request)
        return answer["status"]?["allowed"]?.bool ?? false
    }

    // MARK: - Reading answers

    /// Maps an answer to a type.
    func read<R: KubernetesResource>(_ type: R.Type, _ json: JSONValue) throws(KubernetesError) -> R {
        do throws(JSONMappingError) {
            return try R(json: json)
        } catch {
            throw KubernetesError(
                reason: .invalidResponse,
                message: "a \(R.kind) has something else than \(error.expected) at \"\(error.pointer)\""
            )
        }
    }

    /// Notes an object that cannot be read: one that somebody has damaged must not hide all the others.
    func unreadable<R: KubernetesResource>(
        _ type: R.Type,
        _ json: JSONValue,
        _ error: JSONMappingError
    ) -> ObjectKey {
        let key = ObjectKey(
            namespace: json["metadata"]?["namespace"]?.string,
            name: json["metadata"]?["name"]?.string ?? ""
        )
        logger.warning(
            "object cannot be read and is left out",
            metadata: [
                "kind": "\(R.kind)", "object": "\(key)", "pointer": "\(error.pointer)",
                "expected": "\(error.expected)",
            ]
        )
        return key
    }
}

/// A version of the API server.
package struct KubernetesVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// For example 1.
    package var major: Int
    /// For example 36.
    package var minor: Int
    /// For example `v1.36.0`.
    package var gitVersion: String

    /// Creates a version.
    package init(major: Int, minor: Int, gitVersion: String = "") {
        self.major = major
        self.minor = minor
        self.gitVersion = gitVersion
    }

    /// Reads the answer of `/version`; the minor version of some providers ends with `+`.
    init?(_ json: JSONValue) {
        guard let major = json["major"]?.string.flatMap({ Int($0.prefix { $0.isNumber }) }),
            let minor = json["minor"]?.string.flatMap({ Int($0.prefix { $0.isNumber }) })
        else { return nil }
        self.init(major: major, minor: minor, gitVersion: json["gitVersion"]?.string ?? "")
    }

    /// By major, then by minor version.
    package static func < (left: KubernetesVersion, right: KubernetesVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    /// The full version, or major and minor.
    package var description: String { gitVersion.isEmpty ? "v\(major).\(minor)" : gitVersion }
}
