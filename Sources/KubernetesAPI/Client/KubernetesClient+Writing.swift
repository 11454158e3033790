import WireFormats

extension KubernetesClient {
    /// Creates an object.
    ///
    /// With a fixed name the request is repeated where its outcome is unknown, so that `AlreadyExists` can mean that we made it:
    /// the caller looks at the object's owner or labels. With `generateName` it is only repeated where it was surely not done.
    ///
    /// - Parameters:
    ///   - object: The object; where it has no namespace, the configuration's is meant.
    ///   - fieldManager: Who is noted as the owner of its fields.
    /// - Returns: The object as the server keeps it.
    /// - Throws: ``KubernetesError``, `alreadyExists` where the name is taken.
    @discardableResult
    package func create<R: KubernetesResource>(
        _ object: R,
        fieldManager: String? = nil
    ) async throws(KubernetesError) -> R {
        var request = APIRequest(
            R.self,
            verb: "create",
            method: "POST",
            namespace: object.metadata.namespace ?? configuration.defaultNamespace,
            isRepeatable: object.metadata.name != nil
        )
        return try await send(object, by: &request, fieldManager: fieldManager)
    }

    /// Replaces an object, where `metadata.resourceVersion` is still its version.
    ///
    /// Only for kinds that nobody else adds fields to, see ``KubernetesResource``.
    ///
    /// - Throws: ``KubernetesError``, `conflict` where it has changed since.
    @discardableResult
    package func replace<R: KubernetesResource>(
        _ object: R,
        fieldManager: String? = nil
    ) async throws(KubernetesError) -> R {
        try await replace(object, subresource: nil, fieldManager: fieldManager)
    }

    /// Replaces an object's status, where `metadata.resourceVersion` is still its version.
    ///
    /// - Throws: ``KubernetesError``, `conflict` where it has changed since.
    @discardableResult
    package func replaceStatus<R: KubernetesResource>(
        _ object: R,
        fieldManager: String? = nil
    ) async throws(KubernetesError) -> R {
        try await replace(object, subresource: "status", fieldManager: fieldManager)
    }

    private func replace<R: KubernetesResource>(
        _ object: R,
        subresource: String?,
        fieldManager: String?
    ) async throws(KubernetesError) -> R {
        guard let name = object.metadata.name else {
            throw KubernetesError(reason: .badRequest, message: "a \(R.kind) without a name cannot be replaced")
        }
        var request = APIRequest(
            R.self,
            verb: "update",
            method: "PUT",
            namespace: object.metadata.namespace ?? configuration.defaultNamespace,
            name: name,
            subresource: subresource,
            // Without a version, a repeated request could undo what somebody else wrote in between.
            isRepeatable: object.metadata.resourceVersion != nil
        )
        return try await send(object, by: &request, fieldManager: fieldManager)
    }

    /// Changes an object.
    ///
    /// - Parameters:
    ///   - type: Its type.
    ///   - name: Its name.
    ///   - namespace: Its namespace; `nil` for the configuration's.
    ///   - body: The change.
    ///   - subresource: For example `status`.
    /// - Returns: The object as the server keeps it.
    /// - Throws: ``KubernetesError``, `notFound` where there is none.
    @discardableResult
    package func patch<R: KubernetesResource>(
        _ type: R.Type,
        name: String,
        namespace: String? = nil,
        _ body: PatchBody,
        subresource: String? = nil
    ) async throws(KubernetesError) -> R {
        var request = APIRequest(
            type,
            verb: "patch",
            method: "PATCH",
            namespace: namespace ?? configuration.defaultNamespace,
            name: name,
            subresource: subresource,
            isRepeatable: body.isRepeatable
        )
        request.query = body.query
        request.contentType = body.contentType
        request.body = body.body.serialized()
        return try read(type, try await perform(request))
    }

    /// Creates or changes an object so that it has the fields given, by server-side apply.
    ///
    /// - Parameters:
    ///   - object: The fields that `fieldManager` wants, all of them.
    ///   - fieldManager: Who wants them.
    ///   - force: Whether they are taken from other managers rather than failing with `conflict`.
    /// - Returns: The object as the server keeps it.
    /// - Throws: ``KubernetesError``.
    @discardableResult
    package func apply<R: KubernetesResource>(
        _ object: R,
        fieldManager: String,
        force: Bool = true
    ) async throws(KubernetesError) -> R {
        guard let name = object.metadata.name else {
            throw KubernetesError(reason: .badRequest, message: "a \(R.kind) without a name cannot be applied")
        }
        return try await patch(
            R.self,
            name: name,
            namespace: object.metadata.namespace,
            .apply(object.json, fieldManager: fieldManager, force: force)
        )
    }

    /// Deletes an object.
    ///
    /// - Parameters:
    ///   - type: Its type.
    ///   - name: Its name.
    ///   - namespace: Its namespace; `nil` for the configuration's.
    ///   - options: How; by default what it owns is deleted in the background.
    /// - Throws: ``KubernetesError``, `notFound` where it is gone, `conflict` where it is not the one that is meant.
    package func delete<R: KubernetesResource>(
        _ type: R.Type,
        name: String,
        namespace: String? = nil,
        _ options: DeleteOptions = DeleteOptions()
    ) async throws(KubernetesError) {
        var request = APIRequest(
            type,
            verb: "delete",
            method: "DELETE",
            namespace: namespace ?? configuration.defaultNamespace,
            name: name,
            // The name could be another object's by the second time, but for the uid.
            isRepeatable: true
        )
        request.body = options.json.serialized()
        _ = try await perform(request)
    }

    /// Deletes an object that may be gone already.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    package func deleteIfPresent<R: KubernetesResource>(
        _ type: R.Type,
        name: String,
        namespace: String? = nil,
        _ options: DeleteOptions = DeleteOptions()
    ) async throws(KubernetesError) -> Bool {
        do throws(KubernetesError) {
            try await delete(type, name: name, namespace: namespace, options)
            return true
        } catch  where error.reason == .notFound {
            return false
        }
    }

    /// Deletes all objects of a selection in one namespace.
    ///
    /// - Parameters:
    ///   - type: Their type.
    ///   - selection: Which; the namespace is the configuration's where it names none.
    ///   - options: How; by default what they own is deleted in the background.
    /// - Throws: ``KubernetesError``.
    package func deleteCollection<R: KubernetesResource>(
        _ type: R.Type,
        _ selection: ListOptions,
        _ options: DeleteOptions = DeleteOptions()
    ) async throws(KubernetesError) {
        var request = APIRequest(
            type,
            verb: "deletecollection",
            method: "DELETE",
            namespace: selection.namespace ?? configuration.defaultNamespace,
            isRepeatable: true
        )
        request.query = selection.selectorQuery
        request.body = options.json.serialized()
        _ = try await perform(request)
    }

    private func send<R: KubernetesResource>(
        _ object: R,
        by request: inout APIRequest,
        fieldManager: String?
    ) async throws(KubernetesError) -> R {
        if let fieldManager { request.query.append(("fieldManager", fieldManager)) }
        request.body = object.json.serialized()
        return try read(R.self, try await perform(request))
    }
}
