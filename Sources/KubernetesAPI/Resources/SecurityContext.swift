package import WireFormats

/// Security settings of a Pod or a container.
///
/// The API has two types for the two places; the fields here that a place does not know must be left empty there:
/// ``fsGroup`` in a container, the last four in a Pod.
package struct SecurityContext: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Whether the kubelet refuses to start a container as root.
    package var runAsNonRoot: Bool?
    /// The user to run as.
    package var runAsUser: Int?
    /// The group to run as.
    package var runAsGroup: Int?
    /// The group that owns volumes (Pod only).
    package var fsGroup: Int?
    /// For example `RuntimeDefault`.
    package var seccompProfileType: String?
    /// Whether a process can gain more rights than its parent (container only).
    package var allowPrivilegeEscalation: Bool?
    /// Whether the container has the host's rights (container only).
    package var privileged: Bool?
    /// Whether the image's file system cannot be written (container only).
    package var readOnlyRootFilesystem: Bool?
    /// Linux capabilities to take away, `ALL` for all of them (container only).
    package var droppedCapabilities: [String]

    /// Creates settings.
    package init(
        runAsNonRoot: Bool? = nil,
        runAsUser: Int? = nil,
        runAsGroup: Int? = nil,
        fsGroup: Int? = nil,
        seccompProfileType: String? = nil,
        allowPrivilegeEscalation: Bool? = nil,
        privileged: Bool? = nil,
        readOnlyRootFilesystem: Bool? = nil,
        droppedCapabilities: [String] = []
    ) {
        self.runAsNonRoot = runAsNonRoot
        self.runAsUser = runAsUser
        self.runAsGroup = runAsGroup
        self.fsGroup = fsGroup
        self.seccompProfileType = seccompProfileType
        self.allowPrivilegeEscalation = allowPrivilegeEscalation
        self.privileged = privileged
        self.readOnlyRootFilesystem = readOnlyRootFilesystem
        self.droppedCapabilities = droppedCapabilities
    }

    /// Reads settings.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            runAsNonRoot: json["runAsNonRoot"]?.bool,
            runAsUser: json["runAsUser"]?.integer,
            runAsGroup: json["runAsGroup"]?.integer,
            fsGroup: json["fsGroup"]?.integer,
            seccompProfileType: json["seccompProfile"]?["type"]?.string,
            allowPrivilegeEscalation: json["allowPrivilegeEscalation"]?.bool,
            privileged: json["privileged"]?.bool,
            readOnlyRootFilesystem: json["readOnlyRootFilesystem"]?.bool,
            droppedCapabilities: json["capabilities"]?.strings("drop") ?? []
        )
    }

    /// The settings as the API takes them.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("runAsNonRoot", runAsNonRoot)
        object.set("runAsUser", runAsUser)
        object.set("runAsGroup", runAsGroup)
        object.set("fsGroup", fsGroup)
        if let seccompProfileType { object["seccompProfile"] = .object(["type": .string(seccompProfileType)]) }
        object.set("allowPrivilegeEscalation", allowPrivilegeEscalation)
        object.set("privileged", privileged)
        object.set("readOnlyRootFilesystem", readOnlyRootFilesystem)
        if !droppedCapabilities.isEmpty {
            object["capabilities"] = .object(["drop": .array(droppedCapabilities.map { .string($0) })])
        }
        return .object(object)
    }
}
