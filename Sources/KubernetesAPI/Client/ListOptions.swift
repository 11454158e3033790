package import WireFormats

/// Which objects to list, watch or delete.
package struct ListOptions: Sendable, Hashable {
    /// The namespace; `nil` for all namespaces.
    package var namespace: String?
    /// A label selector (`longshore.dev/task=…,tier in (a,b)`).
    package var labelSelector: String?
    /// A field selector (`metadata.name=…`).
    package var fieldSelector: String?
    /// The most objects of one answer; `nil` for all.
    package var limit: Int?
    /// Where the last answer stopped.
    package var continueToken: String?
    /// The version to start after (watch) or to be at least as new as (list); `nil` for the newest.
    package var resourceVersion: String?
    /// How long the server keeps a watch open; a random time between 4 and 8 minutes when `nil`.
    package var timeoutSeconds: Int?
    /// How long a watch may be silent before the connection counts as dead; 2 minutes by default, twice the interval of
    /// the server's bookmarks. `nil` for no limit.
    package var idleTimeout: Duration?
    /// What of each object is not read, seen from the object: objects read so lack it. Who manages which fields by default,
    /// which is a third of many objects and which no type here has.
    package var omitted = JSONPaths([["metadata", "managedFields"]])

    /// Creates options; the defaults mean everything.
    package init(
        namespace: String? = nil,
        labelSelector: String? = nil,
        fieldSelector: String? = nil,
        limit: Int? = nil,
        continueToken: String? = nil,
        resourceVersion: String? = nil,
        timeoutSeconds: Int? = nil,
        idleTimeout: Duration? = .seconds(120)
    ) {
        self.namespace = namespace
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.limit = limit
        self.continueToken = continueToken
        self.resourceVersion = resourceVersion
        self.timeoutSeconds = timeoutSeconds
        self.idleTimeout = idleTimeout
    }

    /// The selection alone.
    var selectorQuery: [(name: String, value: String)] {
        var query: [(name: String, value: String)] = []
        if let labelSelector { query.append(("labelSelector", labelSelector)) }
        if let fieldSelector { query.append(("fieldSelector", fieldSelector)) }
        return query
    }

    /// The query of a list.
    var listQuery: [(name: String, value: String)] {
        var query = selectorQuery
        if let limit { query.append(("limit", String(limit))) }
        if let continueToken {
            // The token says which version the list is of; naming one as well is an error.
            query.append(("continue", continueToken))
        } else if let resourceVersion {
            query.append(("resourceVersion", resourceVersion))
        }
        return query
    }

    /// The query of a watch that ends by itself after `timeoutSeconds`.
    func watchQuery(timeoutSeconds: Int) -> [(name: String, value: String)] {
        var query = selectorQuery
        query.append(("watch", "true"))
        query.append(("allowWatchBookmarks", "true"))
        query.append(("timeoutSeconds", String(timeoutSeconds)))
        if let resourceVersion { query.append(("resourceVersion", resourceVersion)) }
        return query
    }
}

/// Objects of one list, or of one page of it.
package struct ResourceList<R: KubernetesResource>: Sendable {
    /// The objects.
    package var items: [R]
    /// The version of the list: a watch that starts here misses nothing.
    package var resourceVersion: String
    /// Where the next page starts; `nil` at the end.
    package var continueToken: String?
    /// Objects that could not be read as `R` and are not in ``items``.
    package var unreadable: [ObjectKey]

    /// Creates a list.
    package init(
        items: [R] = [],
        resourceVersion: String = "",
        continueToken: String? = nil,
        unreadable: [ObjectKey] = []
    ) {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
        self.unreadable = unreadable
    }
}
