package import WireFormats

extension ClusterSimulator {
    // MARK: Objects

    /// An object as it is stored; `resource` is the plural name, with the group where it is not the core one (`jobs.batch`).
    package func object(_ resource: String, namespace: String = "", name: String) -> JSONValue? {
        store.get(Self.groupResource(resource), ObjectKey(namespace: namespace, name: name))?.json
    }

    /// All objects of a resource, in all namespaces or in one.
    package func objects(_ resource: String, namespace: String? = nil) -> [JSONValue] {
        store.list(Self.groupResource(resource), namespace: namespace).objects.map(\.json)
    }

    /// The number of objects of a resource in all namespaces.
    package func count(_ resource: String) -> Int { store.count(Self.groupResource(resource)) }

    /// Creates an object, or merges it into the one that is there, from a manifest in YAML or JSON.
    ///
    /// - Throws: ``SimulatorError`` when it cannot be read or is refused.
    package func apply(manifest: String) throws {
        do throws(APIStatusError) {
            for document in try YAMLDocuments.parse(manifest) {
                try Bootstrap(objects: server.objects).create(document)
            }
        } catch {
            throw SimulatorError(code: .manifest, message: error.message)
        }
    }

    static func groupResource(_ text: String) -> GroupResource {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        return GroupResource(group: parts.count == 2 ? parts[1] : "", resource: parts.first ?? "")
    }

    // MARK: Faults

    /// Makes API calls fail or wait; returns an id to end it with.
    @discardableResult
    package func addFault(_ fault: APIFault) -> Int { server.faults.add(fault) }

    /// Ends a fault.
    package func removeFault(_ id: Int) { server.faults.remove(id) }

    /// Ends all faults.
    package func removeAllFaults() { server.faults.removeAll() }

    /// Ends the open watches of a resource, or of all, as an API server that restarts does.
    package func cutWatches(of resource: String? = nil) {
        for watcher in store.watchers(of: resource.map(Self.groupResource)) { watcher.close() }
    }

    /// The number of open watches of a resource, or of all.
    package func watchCount(of resource: String? = nil) -> Int {
        store.watchers(of: resource.map(Self.groupResource)).count
    }

    /// Forgets the history, so that a watch from an older revision gets `410 Expired`.
    package func compactHistory() { store.compact() }

    // MARK: Audit

    /// The calls that are still kept, after a sequence number.
    package func auditRecords(after sequence: Int = 0) -> [AuditRecord] { server.audit.records(after: sequence) }

    /// How many calls were made, by `verb resource` (`create jobs.batch`, `update pods/status`), by one user or by all.
    package func callCounts(user: String? = nil) -> [String: Int] {
        var counts: [String: Int] = [:]
        for (kind, count) in server.audit.counts where user == nil || kind.user == user {
            let resource = GroupResource(group: kind.group, resource: kind.resource)
            let name = kind.subresource.isEmpty ? "\(resource)" : "\(resource)/\(kind.subresource)"
            counts["\(kind.verb) \(name)", default: 0] += count
        }
        return counts
    }

    /// Forgets the calls and their counts.
    package func resetAudit() { server.audit.reset() }
}
