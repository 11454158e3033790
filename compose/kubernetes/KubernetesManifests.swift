/// The Kubernetes objects that the binary carries, from the same files that operators apply.
package enum KubernetesManifests {
    /// The CustomResourceDefinition of PullTask, as YAML.
    package static let customResourceDefinition = String(decoding: PackageResources.crd_yaml, as: UTF8.self)
}
