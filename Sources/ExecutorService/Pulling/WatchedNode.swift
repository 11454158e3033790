import KubernetesAPI
import LongshoreDomain
import Synchronization
import WireFormats

/// A Node with as much of it as planning needs: ten thousand of them are kept in memory.
struct WatchedNode: KubernetesResource {
    static let apiGroup = ""
    static let apiVersion = "v1"
    static let kind = "Node"
    static let plural = "nodes"
    static let isNamespaced = false

    var metadata: ObjectMeta
    var taints: [LongshoreDomain.Taint]
    var virtualPlatform: String?
    var isReady: Bool
    var isUnschedulable: Bool
    var hasDiskPressure: Bool
    var operatingSystem: String
    var architecture: String
    var kubeletVersion: String
    var runtimeVersion: String
    var ephemeralStorageBytes: Int64?
    /// The numbers of the images' names in ``ImageNameTable``.
    var imageNames: [Int32]

    init(json: JSONValue) throws(JSONMappingError) {
        let full: ObjectMeta = try json.nested("metadata") ?? ObjectMeta()
        // Annotations and owners of nodes are long and not needed.
        metadata = ObjectMeta(
            name: full.name,
            uid: full.uid,
            resourceVersion: full.resourceVersion,
            deletionTimestamp: full.deletionTimestamp,
            labels: full.labels
        )
        let spec = json["spec"] ?? .null
        let status = json["status"] ?? .null
        taints = (spec["taints"]?.array ?? []).compactMap { taint in
            guard let effect = taint["effect"]?.string.flatMap(LongshoreDomain.Taint.Effect.init) else { return nil }
            return LongshoreDomain.Taint(
                key: taint["key"]?.string ?? "",
                value: taint["value"]?.string ?? "",
                effect: effect
            )
        }
        isUnschedulable = spec["unschedulable"]?.bool ?? false
        virtualPlatform =
            VirtualNodes.platform(
                of: VirtualNodes.Sighting(
                    labels: full.labels,
                    annotations: full.annotations,
                    taintKeys: taints.map(\.key),
                    providerID: spec["providerID"]?.string ?? "",
                    kubeletVersion: status["nodeInfo"]?["kubeletVersion"]?.string ?? ""
                )
            )?.name
        func isTrue(_ type: String) -> Bool {
            status["conditions"]?.array?.contains { $0["type"]?.string == type && $0["status"]?.string == "True" }
                ?? false
        }
        isReady = isTrue("Ready")
        hasDiskPressure = isTrue("DiskPressure")
        let info = status["nodeInfo"] ?? .null
        operatingSystem = info["operatingSystem"]?.string ?? ""
        architecture = info["architecture"]?.string ?? ""
        kubeletVersion = info["kubeletVersion"]?.string ?? ""
        runtimeVersion = info["containerRuntimeVersion"]?.string ?? ""
        ephemeralStorageBytes = status["allocatable"]?["ephemeral-storage"]?.string.flatMap(Quantity.bytes)
        imageNames = ImageNameTable.shared.numbers(
            of: (status["images"]?.array ?? []).flatMap { $0["names"]?.array ?? [] }.compactMap(\.string)
        )
    }

    /// Executors never write Nodes.
    var json: JSONValue { .object(envelope) }

    /// What planning needs.
    ///
    /// - Parameter wanted: The numbers of the names to tell of; `nil` for all.
    /// - Returns: The node's facts.
    func facts(wanted: Set<Int32>?) -> NodeFacts {
        var facts = NodeFacts(name: metadata.name ?? "", labels: metadata.labels)
        facts.taints = taints
        facts.isReady = isReady
        facts.isUnschedulable = isUnschedulable
        facts.isDeleting = metadata.deletionTimestamp != nil
        facts.operatingSystem = operatingSystem
        facts.architecture = architecture
        facts.kubeletVersion = kubeletVersion
        facts.runtimeVersion = runtimeVersion
        facts.virtualPlatform = virtualPlatform
        facts.hasDiskPressure = hasDiskPressure
        facts.allocatableEphemeralStorageBytes = ephemeralStorageBytes
        let numbers = wanted.map { wanted in imageNames.filter(wanted.contains) } ?? imageNames
        facts.imageNames = ImageNameTable.shared.names(of: numbers)
        return facts
    }
}

/// The names of images on nodes, each once: the nodes of a cluster have mostly the same.
final class ImageNameTable: Sendable {
    /// The process's table. It only grows; a cluster meets some thousands of names between two restarts.
    static let shared = ImageNameTable()

    private struct State {
        var numbers: [String: Int32] = [:]
        var names: [String] = []
    }

    private let state = Mutex(State())

    /// The numbers of names, made up for those that are new.
    func numbers(of names: [String]) -> [Int32] {
        state.withLock { state in
            names.map { name in
                if let number = state.numbers[name] { return number }
                let number = Int32(state.names.count)
                state.numbers[name] = number
                state.names.append(name)
                return number
            }
        }
    }

    /// The numbers of those names that are known.
    func knownNumbers(of names: [String]) -> Set<Int32> {
        state.withLock { state in Set(names.compactMap { state.numbers[$0] }) }
    }

    /// The names behind numbers.
    func names(of numbers: [Int32]) -> Set<String> {
        if numbers.isEmpty { return [] }
        return state.withLock { state in
            Set(numbers.compactMap { state.names.indices.contains(Int($0)) ? state.names[Int($0)] : nil })
        }
    }
}
