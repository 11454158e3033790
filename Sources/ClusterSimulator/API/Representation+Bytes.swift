import WireFormats

extension Representation {
    /// One object as the client asked for it: in an answer or in the event of a watch.
    func bytes(_ object: StoredObject, _ definition: ResourceDefinition) -> [UInt8] {
        switch self {
        case .object: ObjectRendering.bytes(object, definition)
        case .partialMetadata: TableRendering.partialMetadata(object.json).serialized()
        case .table(let include):
            TableRendering.table(
                [object.json],
                columns: definition.columns,
                listMetadata: ["resourceVersion": .string(String(object.resourceVersion))],
                include: include,
                now: .now()
            ).serialized()
        }
    }
}
