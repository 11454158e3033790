package import WireFormats

/// A claim on something that runs out unless it is renewed (`coordination.k8s.io/v1`).
package struct Lease: KubernetesResource, Hashable {
    package static let apiGroup = "coordination.k8s.io"
    package static let apiVersion = "v1"
    package static let kind = "Lease"
    package static let plural = "leases"
    package static let isNamespaced = true

    package var metadata: ObjectMeta
    /// Who holds the Lease.
    package var holderIdentity: String?
    /// How long the holder may be silent, in seconds.
    package var leaseDurationSeconds: Int?
    /// When the holder took it, by the holder's clock.
    package var acquireTime: Timestamp?
    /// When the holder last renewed it, by the holder's clock.
    package var renewTime: Timestamp?
    /// How often the holder has changed.
    package var leaseTransitions: Int?

    /// Creates a Lease.
    package init(
        metadata: ObjectMeta,
        holderIdentity: String? = nil,
        leaseDurationSeconds: Int? = nil,
        acquireTime: Timestamp? = nil,
        renewTime: Timestamp? = nil,
        leaseTransitions: Int? = nil
    ) {
        self.metadata = metadata
        self.holderIdentity = holderIdentity
        self.leaseDurationSeconds = leaseDurationSeconds
        self.acquireTime = acquireTime
        self.renewTime = renewTime
        self.leaseTransitions = leaseTransitions
    }

    /// Reads a Lease.
    package init(json: JSONValue) throws(JSONMappingError) {
        let spec = json["spec"] ?? .null
        self.init(
            metadata: try json.nested("metadata") ?? ObjectMeta(),
            holderIdentity: spec["holderIdentity"]?.string,
            leaseDurationSeconds: spec["leaseDurationSeconds"]?.integer,
            acquireTime: spec.timestamp("acquireTime"),
            renewTime: spec.timestamp("renewTime"),
            leaseTransitions: spec["leaseTransitions"]?.integer
        )
    }

    /// The Lease as the API takes it; its times are `MicroTime`, always with six digits.
    package var json: JSONValue {
        var spec = JSONObject()
        spec.set("holderIdentity", holderIdentity)
        spec.set("leaseDurationSeconds", leaseDurationSeconds)
        spec.set("acquireTime", acquireTime?.rfc3339Micro)
        spec.set("renewTime", renewTime?.rfc3339Micro)
        spec.set("leaseTransitions", leaseTransitions)
        var object = envelope
        object["spec"] = .object(spec)
        return .object(object)
    }
}
