import WireFormats

/// Request bodies in Kubernetes' protobuf form, for the objects that kubectl's typed commands send in it.
///
/// The numbers are those of `generated.proto` in `k8s.io/api`; fields that are not listed are left out.
enum ProtobufObjects {
    /// The first bytes of every such body.
    private static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0]

    /// The object as JSON; nil when the body is malformed or of a kind that is not known here.
    static func json(_ bytes: [UInt8]) -> JSONValue? {
        guard bytes.starts(with: magic), let envelope = fields(bytes[4...]) else { return nil }
        var type: JSONValue = [:]
        var raw: ArraySlice<UInt8> = []
        for field in envelope {
            guard case .bytes(let content) = field.value else { continue }
            if field.number == 1 { type = message(content, typeMeta, depth: 0) ?? [:] }
            if field.number == 2 { raw = content }
        }
        guard let kind = type["kind"]?.string, let schema = schemas[kind], var json = message(raw, schema, depth: 0)
        else { return nil }
        json.setIfPresent("apiVersion", type["apiVersion"])
        json["kind"] = .string(kind)
        return json
    }

    // MARK: The wire

    private enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    private struct Field {
        var number: Int
        var value: Value
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            guard shift < 64 else { return nil }
            result |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return result }
        }
        return nil
    }

    private static func fields(_ content: ArraySlice<UInt8>) -> [Field]? {
        var rest = content
        var result: [Field] = []
        while !rest.isEmpty {
            guard let tag = varint(&rest), let number = Int(exactly: tag >> 3) else { return nil }
            switch tag & 7 {
            case 0:
                guard let value = varint(&rest) else { return nil }
                result.append(Field(number: number, value: .number(value)))
            case 2:
                guard let length = varint(&rest).flatMap({ Int(exactly: $0) }), length <= rest.count else { return nil }
                result.append(Field(number: number, value: .bytes(rest.prefix(length))))
                rest = rest.dropFirst(length)
            case 1, 5:
                let length = tag & 7 == 1 ? 8 : 4
                guard rest.count >= length else { return nil }
                rest = rest.dropFirst(length)
            default: return nil
            }
        }
        return result
    }

    private static func message(_ content: ArraySlice<UInt8>, _ schema: Schema, depth: Int) -> JSONValue? {
        guard depth < 32, let fields = fields(content) else { return nil }
        var object = JSONObject()
        for field in fields {
            guard let known = schema.members[field.number] else { continue }
            guard let value = value(field.value, known.kind, depth: depth) else { return nil }
            if known.kind.isMap {
                var members = object[known.name]?.object ?? [:]
                for (key, member) in value.object ?? [:] { members[key] = member }
                object[known.name] = .object(members)
            } else if known.isRepeated {
                object[known.name] = .array((object[known.name]?.array ?? []) + [value])
            } else if value != "", !value.isEmptyCollection {
                // Go writes every plain field, also the empty ones.
                object[known.name] = value
            }
        }
        return .object(object)
    }

    private static func value(_ value: Value, _ kind: Kind, depth: Int) -> JSONValue? {
        switch (kind, value) {
        case (.integer, .number(let number)): return .integer(Int64(bitPattern: number))
        case (.bool, .number(let number)): return .bool(number != 0)
        case (.string, .bytes(let bytes)): return .string(String(decoding: bytes, as: UTF8.self))
        case (.bytes, .bytes(let bytes)): return .string(Base64.encode(Array(bytes)))
        case (.message(let schema), .bytes(let bytes)): return message(bytes, schema, depth: depth + 1)
        case (.map(let isBytes), .bytes(let bytes)):
            guard let entry = message(bytes, isBytes ? bytesEntry : stringEntry, depth: depth + 1) else { return nil }
            return .object([entry["key"]?.string ?? "": entry["value"] ?? ""])
        case (.quantities, .bytes(let bytes)):
            guard let entry = message(bytes, quantityEntry, depth: depth + 1) else { return nil }
            return .object([entry["key"]?.string ?? "": entry[path: "value", "string"] ?? "0"])
        case (.time(let isMicro), .bytes(let bytes)):
            guard let time = message(bytes, timeSchema, depth: depth + 1), let seconds = time["seconds"]?.integer else {
                return .null
            }
            let stamp = Timestamp(secondsSinceEpoch: Int64(seconds)) + .nanoseconds(time["nanos"]?.integer ?? 0)
            return .string(isMicro ? stamp.rfc3339Micro : stamp.rfc3339Seconds)
        case (.integer, _), (.bool, _), (.string, _), (.bytes, _), (.message, _), (.map, _), (.quantities, _),
            (.time, _):
            return nil
        }
    }

    // MARK: Schemas

    indirect enum Kind: Sendable {
        case string
        case integer
        case bool
        case bytes
        case message(Schema)
        case map(isBytes: Bool)
        /// A map of `resource.Quantity`, which is a text.
        case quantities
        case time(isMicro: Bool)

        var isMap: Bool {
            switch self {
            case .map, .quantities: true
            case .string, .integer, .bool, .bytes, .message, .time: false
            }
        }
    }

    struct Schema: Sendable {
        var members: [Int: (name: String, kind: Kind, isRepeated: Bool)] = [:]

        init(_ members: (Int, String, Kind)..., lists: (Int, String, Kind)...) {
            for (number, name, kind) in members { self.members[number] = (name, kind, false) }
            for (number, name, kind) in lists { self.members[number] = (name, kind, true) }
        }
    }
}
