extension ProtobufObjects {
    static let typeMeta = Schema((1, "apiVersion", .string), (2, "kind", .string))
    static let stringEntry = Schema((1, "key", .string), (2, "value", .string))
    static let bytesEntry = Schema((1, "key", .string), (2, "value", .bytes))
    static let quantityEntry = Schema((1, "key", .string), (2, "value", .message(Schema((1, "string", .string)))))
    static let timeSchema = Schema((1, "seconds", .integer), (2, "nanos", .integer))

    private static let ownerReference = Schema(
        (1, "kind", .string),
        (3, "name", .string),
        (4, "uid", .string),
        (5, "apiVersion", .string),
        (6, "controller", .bool),
        (7, "blockOwnerDeletion", .bool)
    )

    private static let metadata = Schema(
        (1, "name", .string),
        (2, "generateName", .string),
        (3, "namespace", .string),
        (5, "uid", .string),
        (6, "resourceVersion", .string),
        (11, "labels", .map(isBytes: false)),
        (12, "annotations", .map(isBytes: false)),
        lists: (13, "ownerReferences", .message(ownerReference)),
        (14, "finalizers", .string)
    )

    private static func object(_ members: (Int, String, Kind)..., lists: (Int, String, Kind)...) -> Schema {
        var schema = Schema((1, "metadata", .message(metadata)))
        for (number, name, kind) in members { schema.members[number] = (name, kind, false) }
        for (number, name, kind) in lists { schema.members[number] = (name, kind, true) }
        return schema
    }

    private static let localReference = Schema((1, "name", .string))

    private static let objectReference = Schema(
        (1, "kind", .string),
        (2, "namespace", .string),
        (3, "name", .string),
        (4, "uid", .string),
        (5, "apiVersion", .string)
    )

    private static let container = Schema(
        (1, "name", .string),
        (2, "image", .string),
        (5, "workingDir", .string),
        (13, "terminationMessagePath", .string),
        (14, "imagePullPolicy", .string),
        (20, "terminationMessagePolicy", .string),
        lists: (3, "command", .string),
        (4, "args", .string),
        (7, "env", .message(Schema((1, "name", .string), (2, "value", .string))))
    )

    private static let podSpecification = Schema(
        (3, "restartPolicy", .string),
        (4, "terminationGracePeriodSeconds", .integer),
        (5, "activeDeadlineSeconds", .integer),
        (6, "dnsPolicy", .string),
        (7, "nodeSelector", .map(isBytes: false)),
        (8, "serviceAccountName", .string),
        (10, "nodeName", .string),
        (19, "schedulerName", .string),
        (21, "automountServiceAccountToken", .bool),
        (24, "priorityClassName", .string),
        lists: (2, "containers", .message(container)),
        (15, "imagePullSecrets", .message(localReference)),
        (20, "initContainers", .message(container))
    )

    private static let podTemplate = object((2, "spec", .message(podSpecification)))

    private static let jobSpecification = Schema(
        (1, "parallelism", .integer),
        (2, "completions", .integer),
        (3, "activeDeadlineSeconds", .integer),
        (6, "template", .message(podTemplate)),
        (7, "backoffLimit", .integer),
        (8, "ttlSecondsAfterFinished", .integer),
        (9, "completionMode", .string),
        (10, "suspend", .bool)
    )

    private static let deleteOptions = Schema(
        (1, "gracePeriodSeconds", .integer),
        (2, "preconditions", .message(Schema((1, "uid", .string), (2, "resourceVersion", .string)))),
        (3, "orphanDependents", .bool),
        (4, "propagationPolicy", .string),
        lists: (5, "dryRun", .string)
    )

    private static let policyRule = Schema(
        lists: (1, "verbs", .string),
        (2, "apiGroups", .string),
        (3, "resources", .string),
        (4, "resourceNames", .string),
        (5, "nonResourceURLs", .string)
    )

    private static let subject = Schema(
        (1, "kind", .string),
        (2, "apiGroup", .string),
        (3, "name", .string),
        (4, "namespace", .string)
    )

    private static let roleBinding = object(
        (3, "roleRef", .message(Schema((1, "apiGroup", .string), (2, "kind", .string), (3, "name", .string)))),
        lists: (2, "subjects", .message(subject))
    )

    private static let leaseSpecification = Schema(
        (1, "holderIdentity", .string),
        (2, "leaseDurationSeconds", .integer),
        (3, "acquireTime", .time(isMicro: true)),
        (4, "renewTime", .time(isMicro: true)),
        (5, "leaseTransitions", .integer)
    )

    private static let resourceAttributes = Schema(
        (1, "namespace", .string),
        (2, "verb", .string),
        (3, "group", .string),
        (5, "resource", .string),
        (6, "subresource", .string),
        (7, "name", .string)
    )

    private static let tokenRequestSpecification = Schema(
        (4, "expirationSeconds", .integer),
        lists: (1, "audiences", .string)
    )

    static let schemas: [String: Schema] = [
        "Namespace": object(),
        "Secret": object(
            (2, "data", .map(isBytes: true)),
            (3, "type", .string),
            (4, "stringData", .map(isBytes: false)),
            (5, "immutable", .bool)
        ),
        "ConfigMap": object(
            (2, "data", .map(isBytes: false)),
            (3, "binaryData", .map(isBytes: true)),
            (4, "immutable", .bool)
        ),
        "ServiceAccount": object(
            (4, "automountServiceAccountToken", .bool),
            lists: (2, "secrets", .message(objectReference)),
            (3, "imagePullSecrets", .message(localReference))
        ),
        "ResourceQuota": object((2, "spec", .message(Schema((1, "hard", .quantities))))),
        "PriorityClass": object(
            (2, "value", .integer),
            (3, "globalDefault", .bool),
            (4, "description", .string),
            (5, "preemptionPolicy", .string)
        ),
        "Pod": object((2, "spec", .message(podSpecification))),
        "Job": object((2, "spec", .message(jobSpecification))),
        "Lease": object((2, "spec", .message(leaseSpecification))),
        "Role": object(lists: (2, "rules", .message(policyRule))),
        "ClusterRole": object(lists: (2, "rules", .message(policyRule))),
        "RoleBinding": roleBinding,
        "ClusterRoleBinding": roleBinding,
        "Eviction": object((2, "deleteOptions", .message(deleteOptions))),
        "DeleteOptions": deleteOptions,
        "SelfSubjectAccessReview": object(
            (2, "spec", .message(Schema((1, "resourceAttributes", .message(resourceAttributes)))))
        ),
        "SelfSubjectRulesReview": object((2, "spec", .message(Schema((1, "namespace", .string))))),
        "SelfSubjectReview": object(),
        "TokenRequest": object((2, "spec", .message(tokenRequestSpecification))),
    ]
}
