import WireFormats

/// The resources served without any CustomResourceDefinition.
enum BuiltinResources {
    static let all: [ResourceDefinition] = core + batch + others + accessControl

    private static let core: [ResourceDefinition] = [
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "Namespace",
            plural: "namespaces",
            singular: "namespace",
            shortNames: ["ns"],
            isNamespaced: false,
            hasStatus: true,
            nameRule: .label,
            columns: BuiltinColumns.namespaces,
            hooks: ResourceHooks(prepareCreate: NamespaceRules.prepareCreate)
        ),
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "Node",
            plural: "nodes",
            singular: "node",
            shortNames: ["no"],
            isNamespaced: false,
            hasStatus: true,
            columns: BuiltinColumns.nodes,
            hooks: ResourceHooks(validate: NodeRules.validate)
        ),
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "Pod",
            plural: "pods",
            singular: "pod",
            shortNames: ["po"],
            categories: ["all"],
            hasStatus: true,
            hasGeneration: true,
            columns: BuiltinColumns.pods,
            hooks: ResourceHooks(
                prepareCreate: PodRules.prepareCreate,
                prepareUpdate: PodRules.prepareUpdate,
                validate: PodRules.validate
            )
        ),
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "Secret",
            plural: "secrets",
            singular: "secret",
            columns: BuiltinColumns.secrets,
            hooks: ResourceHooks(
                prepareCreate: SecretRules.prepare,
                prepareUpdate: SecretRules.prepare,
                validate: SecretRules.validate
            )
        ),
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "ServiceAccount",
            plural: "serviceaccounts",
            singular: "serviceaccount",
            shortNames: ["sa"],
            columns: BuiltinColumns.serviceAccounts
        ),
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "Event",
            plural: "events",
            singular: "event",
            shortNames: ["ev"],
            columns: BuiltinColumns.events,
            hooks: ResourceHooks(prepareCreate: EventRules.prepareCreate)
        ),
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "ConfigMap",
            plural: "configmaps",
            singular: "configmap",
            shortNames: ["cm"],
            columns: BuiltinColumns.configMaps,
            hooks: ResourceHooks(validate: SecretRules.validateImmutable)
        ),
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "Service",
            plural: "services",
            singular: "service",
            shortNames: ["svc"],
            categories: ["all"],
            hasStatus: true,
            nameRule: .label
        ),
    ]

    private static let batch: [ResourceDefinition] = [
        ResourceDefinition(
            group: "batch",
            version: "v1",
            kind: "Job",
            plural: "jobs",
            singular: "job",
            categories: ["all"],
            hasStatus: true,
            hasGeneration: true,
            columns: BuiltinColumns.jobs,
            hooks: ResourceHooks(prepareCreate: JobRules.prepareCreate, validate: JobRules.validate)
        )
    ]

    private static let others: [ResourceDefinition] = [
        ResourceDefinition(
            group: "events.k8s.io",
            version: "v1",
            kind: "Event",
            plural: "events",
            singular: "event",
            shortNames: ["ev"],
            columns: BuiltinColumns.events,
            hooks: ResourceHooks(prepareCreate: EventRules.prepareCreate),
            view: EventRules.view
        ),
        ResourceDefinition(
            group: "",
            version: "v1",
            kind: "ResourceQuota",
            plural: "resourcequotas",
            singular: "resourcequota",
            shortNames: ["quota"],
            hasStatus: true,
            columns: [.name, .age],
            hooks: ResourceHooks(validate: QuotaRules.validate)
        ),
        ResourceDefinition(
            group: "coordination.k8s.io",
            version: "v1",
            kind: "Lease",
            plural: "leases",
            singular: "lease",
            allowsUnconditionalUpdate: false,
            columns: BuiltinColumns.leases,
            hooks: ResourceHooks(validate: LeaseRules.validate)
        ),
        ResourceDefinition(
            group: "scheduling.k8s.io",
            version: "v1",
            kind: "PriorityClass",
            plural: "priorityclasses",
            singular: "priorityclass",
            shortNames: ["pc"],
            isNamespaced: false,
            columns: BuiltinColumns.priorityClasses,
            hooks: ResourceHooks(prepareCreate: PriorityClassRules.prepareCreate, validate: PriorityClassRules.validate)
        ),
        ResourceDefinition(
            group: "apiextensions.k8s.io",
            version: "v1",
            kind: "CustomResourceDefinition",
            plural: "customresourcedefinitions",
            singular: "customresourcedefinition",
            shortNames: ["crd", "crds"],
            categories: ["api-extensions"],
            isNamespaced: false,
            hasStatus: true,
            hasGeneration: true,
            allowsUnconditionalUpdate: true,
            columns: BuiltinColumns.customResourceDefinitions,
            hooks: ResourceHooks(
                prepareCreate: CustomResourceDefinitionRules.prepareCreate,
                prepareUpdate: CustomResourceDefinitionRules.prepareUpdate,
                validate: CustomResourceDefinitionRules.validate
            )
        ),
        ResourceDefinition(
            group: "authorization.k8s.io",
            version: "v1",
            kind: "SelfSubjectAccessReview",
            plural: "selfsubjectaccessreviews",
            singular: "selfsubjectaccessreview",
            isNamespaced: false,
            isVirtual: true
        ),
        ResourceDefinition(
            group: "authorization.k8s.io",
            version: "v1",
            kind: "SelfSubjectRulesReview",
            plural: "selfsubjectrulesreviews",
            singular: "selfsubjectrulesreview",
            isNamespaced: false,
            isVirtual: true
        ),
        ResourceDefinition(
            group: "authentication.k8s.io",
            version: "v1",
            kind: "SelfSubjectReview",
            plural: "selfsubjectreviews",
            singular: "selfsubjectreview",
            isNamespaced: false,
            isVirtual: true
        ),
        ResourceDefinition(
            group: "apps",
            version: "v1",
            kind: "Deployment",
            plural: "deployments",
            singular: "deployment",
            shortNames: ["deploy"],
            categories: ["all"],
            hasStatus: true,
            hasGeneration: true
        ),
        ResourceDefinition(
            group: "policy",
            version: "v1",
            kind: "PodDisruptionBudget",
            plural: "poddisruptionbudgets",
            singular: "poddisruptionbudget",
            shortNames: ["pdb"],
            hasStatus: true,
            hasGeneration: true
        ),
        ResourceDefinition(
            group: "networking.k8s.io",
            version: "v1",
            kind: "NetworkPolicy",
            plural: "networkpolicies",
            singular: "networkpolicy",
            shortNames: ["netpol"],
            hasGeneration: true
        ),
    ]

    private static func accessControl(_ kind: String, _ plural: String, isNamespaced: Bool) -> ResourceDefinition {
        ResourceDefinition(
            group: "rbac.authorization.k8s.io",
            version: "v1",
            kind: kind,
            plural: plural,
            singular: kind.lowercased(),
            isNamespaced: isNamespaced,
            nameRule: .pathSegment
        )
    }

    private static let accessControl: [ResourceDefinition] = [
        accessControl("Role", "roles", isNamespaced: true),
        accessControl("RoleBinding", "rolebindings", isNamespaced: true),
        accessControl("ClusterRole", "clusterroles", isNamespaced: false),
        accessControl("ClusterRoleBinding", "clusterrolebindings", isNamespaced: false),
    ]
}
