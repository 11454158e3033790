import WireFormats

/// One column of what `kubectl get` prints.
struct TableColumn: Sendable {
    var name: String
    var type = "string"
    var format = ""
    var description = ""
    /// 0 is always shown, 1 only with `-o wide`.
    var priority = 0
    var cell: @Sendable (_ object: JSONValue, _ now: Timestamp) -> JSONValue

    var definition: JSONValue {
        [
            "name": .string(name), "type": .string(type), "format": .string(format),
            "description": .string(description), "priority": .integer(Int64(priority)),
        ]
    }

    static let name = TableColumn(name: "Name", format: "name", description: "Name must be unique within a namespace.")
    {
        object,
        _ in object[path: "metadata", "name"] ?? ""
    }

    static let age = TableColumn(name: "Age", description: "Time since the object was created.") { object, now in
        .string(HumanDuration.since(object[path: "metadata", "creationTimestamp"]?.string, now))
    }

    /// A column that shows a text at a path.
    static func text(_ name: String, priority: Int = 0, _ path: String...) -> TableColumn {
        TableColumn(name: name, priority: priority) { object, _ in
            var value = object
            for key in path { value = value[key] ?? .null }
            return .string(value.string ?? "<none>")
        }
    }
}

/// The `Table` form of objects and lists.
enum TableRendering {
    enum IncludeObject: String {
        case none = "None"
        case metadata = "Metadata"
        case object = "Object"
    }

    static func table(
        _ objects: [JSONValue],
        columns: [TableColumn],
        listMetadata: JSONValue,
        include: IncludeObject,
        now: Timestamp
    ) -> JSONValue {
        let columns = columns.isEmpty ? [.name, .age] : columns
        let rows = objects.map { object -> JSONValue in
            var row: JSONValue = ["cells": .array(columns.map { $0.cell(object, now) })]
            switch include {
            case .none: break
            case .metadata: row["object"] = partialMetadata(object)
            case .object: row["object"] = object
            }
            return row
        }
        return [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": listMetadata,
            "columnDefinitions": .array(columns.map(\.definition)), "rows": .array(rows),
        ]
    }

    static func partialMetadata(_ object: JSONValue) -> JSONValue {
        [
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"] ?? [:],
        ]
    }
}

/// Durations as `kubectl` prints them (`k8s.io/apimachinery/pkg/util/duration`).
enum HumanDuration {
    static func since(_ text: String?, _ now: Timestamp) -> String {
        guard let text, let time = Timestamp(rfc3339: text) else { return "<unknown>" }
        return format(seconds: now.secondsSinceEpoch - time.secondsSinceEpoch)
    }

    static func format(seconds: Int64) -> String {
        let seconds = max(0, seconds)
        let minutes = seconds / 60
        let hours = seconds / 3_600
        let days = hours / 24
        if seconds < 120 { return "\(seconds)s" }
        if minutes < 10 { return with(minutes, "m", seconds % 60, "s") }
        if minutes < 180 { return "\(minutes)m" }
        if hours < 8 { return with(hours, "h", minutes % 60, "m") }
        if hours < 48 { return "\(hours)h" }
        if hours < 192 { return with(days, "d", hours % 24, "h") }
        if days < 730 { return "\(days)d" }
        if days < 2_920 { return with(days / 365, "y", days % 365, "d") }
        return "\(days / 365)y"
    }

    private static func with(_ large: Int64, _ unit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large)\(unit)" : "\(large)\(unit)\(small)\(smallUnit)"
    }
}
