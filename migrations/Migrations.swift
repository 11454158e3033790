/// The numbered SQL files of this folder, in the order in which they are applied.
package enum Migrations {
    /// Each migration's name (`001_schema`) and its SQL text.
    package static let all: [(name: String, sql: String)] = [
        ("001_schema", String(decoding: PackageResources._01_schema_sql, as: UTF8.self)),
        ("002_lost_messages", String(decoding: PackageResources._02_lost_messages_sql, as: UTF8.self)),
        ("003_delivery_hosts", String(decoding: PackageResources._03_delivery_hosts_sql, as: UTF8.self)),
        ("004_redelivery", String(decoding: PackageResources._04_redelivery_sql, as: UTF8.self)),
        ("005_task_updates", String(decoding: PackageResources._05_task_updates_sql, as: UTF8.self)),
        ("006_acknowledgements", String(decoding: PackageResources._06_acknowledgements_sql, as: UTF8.self)),
        ("007_unknown_nodes", String(decoding: PackageResources._07_unknown_nodes_sql, as: UTF8.self)),
        ("008_retries", String(decoding: PackageResources._08_retries_sql, as: UTF8.self)),
        ("009_refusals", String(decoding: PackageResources._09_refusals_sql, as: UTF8.self)),
    ]
}
