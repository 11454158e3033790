import ExecutorService
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import OCIRegistry
import ServiceRuntime
import WireFormats

/// Looks at a cluster as an executor needs it.
struct ClusterDoctor {
    /// The oldest minor version of Kubernetes 1.x that is tested.
    static let oldestMinor = 29

    let client: KubernetesClient
    let namespace: String
    let serviceAccount: String
    let helperImage: String

    /// Looks at everything that can be reached.
    func examine() async -> DoctorReport {
        var report = DoctorReport()
        do throws(KubernetesError) {
            let version = try await client.request(path: "/version")
            report.add(contentsOf: Self.version(version["gitVersion"]?.string ?? "", minor: version["minor"]?.string))
        } catch {
            report.fail("kubernetes", Self.failure(error))
            return report
        }
        await definition(&report)
        await rights(&report)
        await leases(&report)
        await nodes(&report)
        return report
    }

    private static func failure(_ error: KubernetesError) -> CommandFailure {
        switch error.reason {
        case .unauthorized, .forbidden: CommandFailure(.unauthorized, error.description)
        case .notFound: CommandFailure(.notFound, error.description)
        default: .unreachable(error.description)
        }
    }

    /// Judges the API server's version.
    static func version(_ text: String, minor: String?) -> DoctorReport {
        var report = DoctorReport()
        // Managed clusters write `29+`.
        let number = minor.flatMap { Int($0.prefix { $0.isASCII && $0.isNumber }) }
        if let number, number < oldestMinor {
            report.add(.warning, "kubernetes", "\(text): nothing older than 1.\(oldestMinor) is tested")
        } else {
            report.add(.ok, "kubernetes", text.isEmpty ? "its version is not told" : text)
        }
        return report
    }

    // MARK: - What must be there

    private func definition(_ report: inout DoctorReport) async {
        do throws(KubernetesError) {
            let path = "/apis/longshore.dev/v1/namespaces/\(namespace)/pulltasks"
            try await client.request(path: path, query: [(name: "limit", value: "1")])
            report.add(.ok, "pulltasks", "defined, and served in the namespace \(namespace)")
        } catch {
            let advice =
                error.reason == .notFound
                ? CommandFailure(.notFound, "pulltasks.longshore.dev is not defined: apply compose/kubernetes")
                : Self.failure(error)
            report.fail("pulltasks", advice)
        }
    }

    /// What an executor does in its cluster; the manifests' roles, and a test holds both together.
    static let rights: [(group: String, resource: String, verbs: [String])] = [
        ("longshore.dev", "pulltasks", ["get", "list", "watch", "create", "patch", "delete"]),
        ("longshore.dev", "pulltasks/status", ["update"]),
        ("batch", "jobs", ["get", "list", "watch", "create", "delete"]),
        ("", "pods", ["list", "watch"]),
        ("", "events", ["list", "watch"]),
        ("", "secrets", ["get", "create", "delete"]),
        ("coordination.k8s.io", "leases", ["get", "list", "watch", "create", "update", "delete"]),
        ("", "nodes", ["list", "watch"]),
    ]

    private func rights(_ report: inout DoctorReport) async {
        let account = "system:serviceaccount:\(namespace):\(serviceAccount)"
        var isOfAccount = true
        var missing: [String] = []
        do throws(KubernetesError) {
            for right in Self.rights {
                for verb in right.verbs {
                    let attributes = Self.attributes(right.group, right.resource, verb, namespace)
                    var allowed = isOfAccount ? try await isAllowed(attributes, to: account) : nil
                    if allowed == nil {
                        // Who may not ask about others may ask about himself.
                        isOfAccount = false
                        allowed = try await isAllowed(attributes, to: nil)
                    }
                    if allowed == false { missing.append("\(verb) \(right.resource)") }
                }
            }
        } catch {
            report.add(.unknown, "rights", "they cannot be asked about: \(error.description)")
            return
        }
        let who = isOfAccount ? "the account \(serviceAccount)" : "the kubeconfig's account"
        if missing.isEmpty {
            report.add(.ok, "rights", "\(who) may do all that an executor does")
        } else if isOfAccount {
            let text = "\(who) may not \(missing.joined(separator: ", ")): apply compose/kubernetes/base/rbac.yaml"
            report.fail("rights", CommandFailure(.unauthorized, text))
        } else {
            let text = "\(who) may not \(missing.joined(separator: ", ")); of the executors' it is not allowed to ask"
            report.add(.unknown, "rights", text)
        }
    }

    private static func attributes(
        _ group: String,
        _ resource: String,
        _ verb: String,
        _ namespace: String
    ) -> JSONValue {
        let parts = resource.split(separator: "/").map(String.init)
        var json: JSONValue = ["group": .string(group), "resource": .string(parts[0]), "verb": .string(verb)]
        if parts.count > 1 { json["subresource"] = .string(parts[1]) }
        if resource != "nodes" { json["namespace"] = .string(namespace) }
        return json
    }

    /// Asks whether an account, or the kubeconfig's own, may do something; nil when that may not be asked.
    private func isAllowed(_ attributes: JSONValue, to account: String?) async throws(KubernetesError) -> Bool? {
        let kind = account == nil ? "SelfSubjectAccessReview" : "SubjectAccessReview"
        var spec: JSONValue = ["resourceAttributes": attributes]
        if let account {
            spec["user"] = .string(account)
            spec["groups"] = [
                "system:serviceaccounts", .string("system:serviceaccounts:\(namespace)"), "system:authenticated",
            ]
        }
        let body: JSONValue = [
            "apiVersion": "authorization.k8s.io/v1", "kind": .string(kind), "spec": spec,
        ]
        do throws(KubernetesError) {
            let review = try await client.request(
                method: "POST",
                path: "/apis/authorization.k8s.io/v1/\(kind.lowercased())s",
                body: body,
                isRepeatable: true
            )
            return review["status"]?["allowed"]?.bool ?? false
        } catch {
            if account != nil, [.forbidden, .notFound, .methodNotAllowed].contains(error.reason) { return nil }
            throw error
        }
    }

    private func leases(_ report: inout DoctorReport) async {
        do throws(KubernetesError) {
            let leases = try await client.listAll(Lease.self, ListOptions(namespace: namespace)).items
            report.add(contentsOf: Self.leases(leases, now: SystemWallClock().now()))
        } catch {
            report.add(.unknown, "executors", "their leases cannot be read: \(error.description)")
        }
    }

    /// Judges the executors' leases.
    static func leases(_ leases: [Lease], now: Timestamp) -> DoctorReport {
        var report = DoctorReport()
        let alive = leases.filter { lease in
            guard let renewed = lease.renewTime, lease.holderIdentity?.isEmpty == false else { return false }
            return now.duration(since: renewed) < .seconds(lease.leaseDurationSeconds ?? 15)
        }
        if alive.isEmpty {
            report.fail("executors", .unreachable("none has a live lease here: tasks wait until one is started"))
        } else {
            let names = alive.compactMap(\.holderIdentity).sorted(by: NaturalOrder.precedes)
            report.add(.ok, "executors", "\(names.joined(separator: ", ")) at work")
        }
        return report
    }

    // MARK: - Nodes

    private func nodes(_ report: inout DoctorReport) async {
        let nodes: [Node]
        do throws(KubernetesError) {
            nodes = try await client.listAll(Node.self).items
        } catch {
            report.add(.unknown, "nodes", "they cannot be listed: \(error.description)")
            return
        }
        report.add(contentsOf: Self.nodes(nodes))
        guard let helper = try? ImageReference(parsing: helperImage) else {
            report.fail("helper image", .usage("“\(Console.printable(helperImage))” is no image reference"))
            return
        }
        let lacking = nodes.count { !Self.has(helper, $0) }
        guard lacking > 0 else {
            report.add(.ok, "helper image", "every node has \(helper.familiar)")
            return
        }
        let few = "\(nodes.count - lacking) of \(Plural.count(nodes.count, "node")) has it"
        if let problem = await Self.registryProblem(with: helper) {
            let advice = "nodes without internet need --helper-image from a registry of theirs"
            report.add(
                .warning,
                "helper image",
                "\(few), and its registry does not give \(helper.familiar) here: \(problem); \(advice)"
            )
        } else {
            report.add(.ok, "helper image", "\(few); its registry gives \(helper.familiar)")
        }
    }

    /// Judges the nodes' readiness and what they can do.
    static func nodes(_ nodes: [Node]) -> DoctorReport {
        var report = DoctorReport()
        let ready = nodes.count { node in
            node.status.conditions.contains { $0.type == "Ready" && $0.status == .true }
        }
        let text = "\(ready) of \(Plural.count(nodes.count, "node")) ready"
        if ready == 0 {
            report.fail("nodes", .unreachable("\(text): there is nothing to pull images onto"))
        } else {
            report.add(ready == nodes.count ? .ok : .warning, "nodes", text)
        }
        let firstMinor = ExecutorSettings.imageVolumeMinorDefault
        let able = nodes.count { node in
            ImageVolumeSupport.isThere(
                kubeletVersion: node.status.nodeInfo.kubeletVersion,
                runtimeVersion: node.status.nodeInfo.containerRuntimeVersion,
                firstMinor: firstMinor
            )
        }
        let others = able == nodes.count ? "" : "; the others pull by the strategy kubelet"
        report.add(.ok, "image volumes", "on \(able) of \(Plural.count(nodes.count, "node"))\(others)")
        return report
    }

    private static func has(_ image: ImageReference, _ node: Node) -> Bool {
        node.status.images.flatMap(\.names).contains {
            (try? ImageReference(parsing: $0))?.canonical == image.canonical
        }
    }

    /// Why the image's manifest cannot be had from this machine without an account; nil when it can.
    private static func registryProblem(with image: ImageReference) async -> String? {
        do throws(RegistryError) {
            var configuration = RegistryClient.Configuration()
            configuration.requestTimeout = .seconds(10)
            let client = try RegistryClient(configuration: configuration)
            defer { Task { await client.close() } }
            _ = try await client.manifest(
                host: image.registryHost,
                repository: image.path,
                reference: image.manifestReference
            )
            return nil
        } catch {
            return error.description
        }
    }
}
