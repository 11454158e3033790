import Curl

extension RegistryClient {
    /// Puts a blob into a repository, unless it is there.
    ///
    /// - Parameters:
    ///   - host: The registry.
    ///   - repository: The path in it.
    ///   - bytes: The whole blob; it is sent in one piece.
    ///   - credential: What to show.
    /// - Returns: Its digest.
    /// - Throws: ``RegistryError``.
    @discardableResult
    package func uploadBlob(
        host: String,
        repository: String,
        bytes: [UInt8],
        credential: RegistryCredential = .anonymous
    ) async throws(RegistryError) -> OCIDigest {
        let endpoint = try endpoint(host)
        try RegistryNames.check(repository: repository, host: endpoint.host)
        let digest = OCIDigest(of: bytes)
        let scope = RegistryNames.scope(repository, "pull,push")
        let head = RegistryCall(method: "HEAD", path: "/v2/\(repository)/blobs/\(digest)", maximumBytes: 64 << 10)
        if try await whole(head, at: endpoint, credential: credential, scope: scope).status == 200 { return digest }
        let start = RegistryCall(method: "POST", path: "/v2/\(repository)/blobs/uploads/", maximumBytes: 64 << 10)
        let started = try await whole(start, at: endpoint, credential: credential, scope: scope)
        try await check(started, host: endpoint.host, credential: credential)
        guard let base = RegistryURL("\(endpoint.origin)/"), let location = started.header("Location"),
            let url = RegistryURL(location: location, from: base)
        else {
            throw RegistryError(.invalidResponse, host: endpoint.host, message: "the registry gave no upload location")
        }
        var put = RegistryCall(
            method: "PUT",
            path: url.adding([("digest", digest.description)]),
            maximumBytes: 64 << 10
        )
        put.headers = [("Content-Type", "application/octet-stream")]
        put.body = bytes
        put.hasDeadline = false
        put.idleTimeout = configuration.blobIdleTimeout
        let reply = try await whole(put, at: endpoint, credential: credential, scope: scope)
        try await check(reply, host: endpoint.host, credential: credential)
        return digest
    }

    /// Puts a manifest into a repository under a tag or its digest.
    ///
    /// - Parameters:
    ///   - host: The registry.
    ///   - repository: The path in it.
    ///   - reference: A tag, or the manifest's digest.
    ///   - bytes: The manifest.
    ///   - mediaType: The manifest's kind.
    ///   - credential: What to show.
    /// - Returns: Its digest.
    /// - Throws: ``RegistryError``.
    @discardableResult
    package func putManifest(
        host: String,
        repository: String,
        reference: String,
        bytes: [UInt8],
        mediaType: String,
        credential: RegistryCredential = .anonymous
    ) async throws(RegistryError) -> OCIDigest {
        let endpoint = try endpoint(host)
        try RegistryNames.check(repository: repository, reference: reference, host: endpoint.host)
        var call = RegistryCall(
            method: "PUT",
            path: "/v2/\(repository)/manifests/\(reference)",
            maximumBytes: 64 << 10
        )
        call.headers = [("Content-Type", mediaType)]
        call.body = bytes
        let scope = RegistryNames.scope(repository, "pull,push")
        let reply = try await whole(call, at: endpoint, credential: credential, scope: scope)
        try await check(reply, host: endpoint.host, credential: credential)
        return OCIDigest(of: bytes)
    }

    /// Puts an image with all its blobs into a repository.
    ///
    /// - Parameters:
    ///   - image: The image.
    ///   - host: The registry.
    ///   - repository: The path in it.
    ///   - tag: The tag; nil to have it under its digest only.
    ///   - credential: What to show.
    /// - Returns: The manifest's descriptor, as an index lists it.
    /// - Throws: ``RegistryError``.
    @discardableResult
    package func push(
        _ image: BuiltImage,
        host: String,
        repository: String,
        tag: String?,
        credential: RegistryCredential = .anonymous
    ) async throws(RegistryError) -> OCIDescriptor {
        for blob in [image.config] + image.layers {
            try await uploadBlob(host: host, repository: repository, bytes: blob, credential: credential)
        }
        try await putManifest(
            host: host,
            repository: repository,
            reference: tag ?? image.descriptor.digest.description,
            bytes: image.manifest,
            mediaType: image.descriptor.mediaType,
            credential: credential
        )
        return image.descriptor
    }

    /// Puts one image a platform into a repository, with an index over them.
    ///
    /// - Returns: The index's digest.
    /// - Throws: ``RegistryError``.
    @discardableResult
    package func push(
        index images: [BuiltImage],
        host: String,
        repository: String,
        tag: String,
        credential: RegistryCredential = .anonymous
    ) async throws(RegistryError) -> OCIDigest {
        for image in images {
            try await push(image, host: host, repository: repository, tag: nil, credential: credential)
        }
        return try await putManifest(
            host: host,
            repository: repository,
            reference: tag,
            bytes: BuiltImage.index(of: images),
            mediaType: OCIMediaType.index,
            credential: credential
        )
    }
}
