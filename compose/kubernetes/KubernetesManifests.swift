/// The Kubernetes objects that the binary carries, from the same files that operators apply.
///
/// `longshore dev` applies them to its cluster, and tests to theirs: what works there works by the manifests.
package enum KubernetesManifests {
    /// The CustomResourceDefinition of PullTask, as YAML.
    package static let customResourceDefinition = String(decoding: PackageResources.crd_yaml, as: UTF8.self)

    /// The namespaces of tasks and of signing secrets, as YAML of two documents.
    package static let namespaces = String(decoding: PackageResources.namespaces_yaml, as: UTF8.self)

    /// The PriorityClass of puller Pods, as YAML.
    package static let priorityClass = String(decoding: PackageResources.priorityclass_yaml, as: UTF8.self)

    /// Accounts and rights of the services, as YAML of many documents.
    package static let accessControl = String(decoding: PackageResources.rbac_yaml, as: UTF8.self)

    /// What a cluster needs before a service can work with it, in the order to apply it.
    package static let prerequisites = [namespaces, customResourceDefinition, priorityClass]
}
