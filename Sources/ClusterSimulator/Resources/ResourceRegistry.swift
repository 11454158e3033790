import Synchronization
import WireFormats

/// Every resource that is served at the moment: the built-in ones and those of the established definitions.
final class ResourceRegistry: Sendable {
    struct Address: Hashable, Sendable {
        var group: String
        var version: String
        var plural: String
    }

    private struct State {
        var definitions: [Address: ResourceDefinition] = [:]
        var order: [Address] = []
        /// Which addresses a CustomResourceDefinition brought, by its name.
        var custom: [String: [Address]] = [:]
        /// Rises with each change; part of the ETags of discovery and OpenAPI.
        var generation = 0
    }

    private let state: Mutex<State>

    init() {
        var state = State()
        for definition in BuiltinResources.all { Self.add(definition, to: &state) }
        self.state = Mutex(state)
    }

    private static func add(_ definition: ResourceDefinition, to state: inout State) {
        let address = Address(group: definition.group, version: definition.version, plural: definition.plural)
        if state.definitions[address] == nil { state.order.append(address) }
        state.definitions[address] = definition
    }

    var generation: Int { state.withLock { $0.generation } }

    func definition(group: String, version: String, plural: String) -> ResourceDefinition? {
        state.withLock { $0.definitions[Address(group: group, version: version, plural: plural)] }
    }

    func definition(apiVersion: String, kind: String) -> ResourceDefinition? {
        state.withLock { state in
            state.definitions.values.first { $0.kind == kind && $0.apiVersion == apiVersion }
        }
    }

    /// Some served version of a stored resource.
    func definition(_ resource: GroupResource) -> ResourceDefinition? {
        state.withLock { state in
            state.definitions.values.first { $0.group == resource.group && $0.plural == resource.resource }
        }
    }

    /// All resources, built-in ones first.
    var all: [ResourceDefinition] {
        state.withLock { state in state.order.compactMap { state.definitions[$0] } }
    }

    /// The group versions in serving order.
    var groupVersions: [(group: String, version: String)] {
        var seen: Set<String> = []
        return all.compactMap { definition in
            seen.insert(definition.apiVersion).inserted ? (definition.group, definition.version) : nil
        }
    }

    /// Serves what the CustomResourceDefinition declares, in place of what it declared before.
    func install(_ customResourceDefinition: JSONValue) {
        let name = customResourceDefinition[path: "metadata", "name"]?.string ?? ""
        let definitions = CustomResourceDefinitionRules.definitions(customResourceDefinition)
        state.withLock { state in
            Self.removeCustom(name, from: &state)
            for definition in definitions { Self.add(definition, to: &state) }
            state.custom[name] = definitions.map {
                Address(group: $0.group, version: $0.version, plural: $0.plural)
            }
            state.generation += 1
        }
    }

    func uninstall(_ name: String) {
        state.withLock { state in
            Self.removeCustom(name, from: &state)
            state.generation += 1
        }
    }

    private static func removeCustom(_ name: String, from state: inout State) {
        let gone = Set(state.custom.removeValue(forKey: name) ?? [])
        for address in gone { state.definitions[address] = nil }
        state.order.removeAll { gone.contains($0) }
    }
}
