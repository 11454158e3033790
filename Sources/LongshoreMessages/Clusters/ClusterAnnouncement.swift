package import WireFormats

/// What a cluster's executors tell about it on `longshore.clusters`: the keys to seal for it, and that it is alive.
package struct ClusterAnnouncement: Sendable, Hashable {
    /// The cluster.
    package var cluster: String
    /// Its public keys, the newest first; older ones are listed as long as they can still be opened.
    package var keys: [AnnouncedKey]
    /// The executors that the announcing one knows to be alive, itself included.
    package var executors: [String]
    /// The version of the announcing executor.
    package var version: String
    /// The version of Kubernetes, where it is known.
    package var kubernetesVersion: String?
    /// What the announcing executor knows of the helper image; `nil` from executors that do not look.
    package var helperImage: HelperImageState?
    /// When it was announced.
    package var heartbeatAt: Timestamp

    /// Makes an announcement.
    package init(
        cluster: String,
        keys: [AnnouncedKey],
        executors: [String],
        version: String,
        kubernetesVersion: String? = nil,
        helperImage: HelperImageState? = nil,
        heartbeatAt: Timestamp
    ) {
        self.helperImage = helperImage
        self.cluster = cluster
        self.keys = keys
        self.executors = executors
        self.version = version
        self.kubernetesVersion = kubernetesVersion
        self.heartbeatAt = heartbeatAt
    }

    /// The key to seal with: the one that was made last.
    package var newestKey: AnnouncedKey? { keys.max { $0.createdAt < $1.createdAt } }

    /// The record in binary mode; the cluster's name as the key keeps only the newest one.
    package var record: MessageRecord { event.kafkaRecord(topic: Topics.clusters, key: cluster) }
}

/// Whether a cluster's nodes can be expected to run the helper image.
package struct HelperImageState: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The image's canonical reference.
    package var image: String
    /// What speaks against it, in a sentence; `nil` when nothing does.
    package var problem: String?

    /// Makes a state.
    package init(image: String, problem: String? = nil) {
        self.image = image
        self.problem = problem
    }

    package init(json: JSONValue) throws(JSONMappingError) {
        image = try json.requiredString("image")
        problem = try json.optionalString("problem")
    }

    package var json: JSONValue {
        var json: JSONValue = ["image": .string(image)]
        json["problem"] = problem?.json
        return json
    }
}

/// A public key that credentials can be sealed to.
package struct AnnouncedKey: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Its id, as sealed boxes name it.
    package var keyID: String
    /// The X25519 public key, 32 bytes.
    package var publicKey: [UInt8]
    /// When it was made.
    package var createdAt: Timestamp

    /// Makes a key.
    package init(keyID: String, publicKey: [UInt8], createdAt: Timestamp) {
        self.keyID = keyID
        self.publicKey = publicKey
        self.createdAt = createdAt
    }

    package init(json: JSONValue) throws(JSONMappingError) {
        keyID = try json.requiredString("keyId")
        publicKey = try json.requiredBase64("publicKey")
        createdAt = try json.requiredTimestamp("createdAt")
        guard publicKey.count == SealingKeyPair.publicKeyBytes else {
            throw JSONMappingError(expected: "base64 of 32 bytes").below("publicKey")
        }
    }

    package var json: JSONValue {
        ["keyId": .string(keyID), "publicKey": .string(Base64.encode(publicKey)), "createdAt": createdAt.json]
    }
}

// MARK: - CloudEvent

extension ClusterAnnouncement {
    /// The event.
    package var event: CloudEvent {
        var data: JSONValue = [
            "cluster": .string(cluster), "keys": keys.json, "executors": executors.json, "version": .string(version),
            "heartbeatAt": heartbeatAt.json,
        ]
        data["kubernetesVersion"] = kubernetesVersion?.json
        data["helperImage"] = helperImage?.json
        return CloudEvent(
            id: "\(cluster)-\(heartbeatAt.microsecondsSinceEpoch)",
            source: "/clusters/\(cluster)",
            type: EventType.clusterAnnounced.rawValue,
            subject: cluster,
            time: heartbeatAt,
            extensions: [EventExtension.partitionKey: cluster],
            data: data
        )
    }

    /// Reads the event.
    /// - Throws: `CloudEventError`.
    package init(event: CloudEvent) throws(CloudEventError) {
        let data = try event.data(of: .clusterAnnounced)
        do {
            self.init(
                cluster: try data.requiredString("cluster"),
                keys: try data.required("keys"),
                executors: try data.optional("executors") ?? [],
                version: try data.optionalString("version") ?? "",
                kubernetesVersion: try data.optionalString("kubernetesVersion"),
                helperImage: try data.optional("helperImage"),
                heartbeatAt: try data.requiredTimestamp("heartbeatAt")
            )
        } catch {
            throw CloudEventError(error)
        }
    }
}
