import WireFormats

extension ClusterSimulator {
    /// An image in a node's store.
    package struct StoredImage: Sendable, Equatable {
        /// Canonical names, with tags.
        package var names: [String]
        /// What the references stand for: `sha256:…`.
        package var digest: String
        /// The manifest of the node's platform.
        package var manifestDigest: String
        /// The configuration and the layers, by digest, with their sizes.
        package var blobs: [String: Int]
    }

    /// Adds a node.
    ///
    /// - Throws: ``SimulatorError`` when the API refuses the node, for example because it exists.
    package func addNode(_ template: NodeTemplate) async throws {
        try await plane.perform { parts in
            let content = template.initialContent(helperImage: parts.configuration.helperImage)
            do throws(APIStatusError) {
                parts.kubelets.attach(template)
                guard let definition = parts.objects.registry.definition(.nodes) else { return }
                let object = template.object(images: content.statusImages, now: .now())
                _ = try parts.objects.create(definition, namespace: "", object)
            } catch {
                throw SimulatorError(code: .manifest, message: error.message)
            }
        }
    }

    /// Removes a node: its object goes, and the Pods on it with it.
    package func removeNode(_ name: String) async {
        await plane.perform { parts in
            guard let definition = parts.objects.registry.definition(.nodes) else { return }
            _ = try? parts.objects.delete(definition, ObjectKey(namespace: "", name: name))
        }
    }

    /// Silences a node's kubelet: its Pods stand still; after the monitor's grace period the node is unreachable.
    package func loseNode(_ name: String) async { await plane.perform { $0.kubelets.lose(name, $0) } }

    /// Lets a lost node come back.
    package func restoreNode(_ name: String) async { await plane.perform { $0.kubelets.restore(name, $0) } }

    /// Fills a node's disk, or frees it: pulls fail, and the node reports pressure.
    package func setDiskFull(_ name: String, _ isFull: Bool) async {
        await plane.perform { $0.kubelets.setDiskFull(name, isFull) }
    }

    /// Evicts the Pods of a node, as the kubelet does under disk pressure.
    package func evictPods(on name: String) async { await plane.perform { $0.kubelets.evictPods(name, $0) } }

    /// Changes how fast a node pulls, from its next pull on.
    ///
    /// - Parameters:
    ///   - name: The node.
    ///   - latency: What each pull takes beside the transfer.
    ///   - bandwidthBytesPerSecond: Unlimited when nil.
    package func setPullSpeed(_ name: String, latency: Duration, bandwidthBytesPerSecond: Int? = nil) async {
        await plane.perform { parts in
            parts.kubelets.agents[name]?.template.pullLatency = latency
            parts.kubelets.agents[name]?.template.bandwidthBytesPerSecond = bandwidthBytesPerSecond
        }
    }

    /// Gives a node a credential of its own, as a credential provider of its kubelet would.
    ///
    /// - Parameters:
    ///   - credential: It is tried after those of a Pod's Secrets, from the next pull on.
    ///   - name: The node.
    package func addCredential(_ credential: NodeTemplate.RegistryCredential, to name: String) async {
        await plane.perform { $0.kubelets.agents[name]?.add(credential) }
    }

    /// Puts an image onto a node without a pull, for everybody to use, and reports it.
    package func preload(_ image: String, on name: String) async {
        await plane.perform { parts in
            guard let agent = parts.kubelets.agents[name], let reference = ImageName(parsing: image) else { return }
            agent.content.add(reference, InstantPuller.image(reference), access: .everyone)
            parts.kubelets.reportImages(agent, parts)
        }
    }

    /// Takes an image off a node, as the kubelet's image garbage collection does.
    package func removeImage(_ image: String, from name: String) async {
        await plane.perform { parts in
            guard let agent = parts.kubelets.agents[name], let reference = ImageName(parsing: image) else { return }
            agent.content.remove(reference)
            parts.kubelets.reportImages(agent, parts)
        }
    }

    /// What is in a node's image store.
    package func images(on name: String) async -> [StoredImage] {
        await plane.perform { parts in
            let images = parts.kubelets.agents[name]?.content.images.values.map { image in
                StoredImage(
                    names: image.names.sorted(),
                    digest: image.content.digest,
                    manifestDigest: image.content.manifestDigest,
                    blobs: image.content.blobs
                )
            }
            return (images ?? []).sorted { $0.digest < $1.digest }
        }
    }

    /// Whether a node holds an image under this reference.
    package func hasImage(_ image: String, on name: String) async -> Bool {
        await plane.perform { parts in
            guard let reference = ImageName(parsing: image) else { return false }
            return parts.kubelets.agents[name]?.content.image(reference) != nil
        }
    }

    /// Makes pulls fail.
    package func addImageFault(_ fault: ImageFault) async { await plane.perform { $0.kubelets.faults.add(fault) } }

    /// Ends all image faults; pulls that hang go on hanging until their Pods go.
    package func removeImageFaults() async { await plane.perform { $0.kubelets.faults.removeAll() } }
}
