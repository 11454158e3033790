import Curl
import FoundationEssentials
import LongshoreMessages
import RDKafka
import TestSupport
import WireFormats

/// A password that occurs nowhere by chance, and the forms in which it could show up.
package struct Canary: Sendable {
    /// As it is.
    package let text: String

    /// A new one.
    package init() {
        text = "Kanarie-\(UInt64.random(in: .min ... .max))-\(UInt64.random(in: .min ... .max))"
    }

    /// One that exists, such as a registry's password.
    ///
    /// - Parameter text: At least 16 bytes, or it could occur by chance.
    package init(_ text: String) { self.text = text }

    /// In base64.
    package var base64: String { Base64.encode(Array(text.utf8)) }

    /// Its core in plain text, in base64 at each of three alignments, and in hexadecimal digits.
    package var forms: [String] {
        let bytes = Array(text.utf8)
        let shifted = (0..<3).map { offset -> String in
            // Without the characters at both ends, which depend on the neighbours.
            let encoded = Base64.encode([UInt8](repeating: 0x61, count: offset) + bytes)
            return String(encoded.dropFirst(offset == 0 ? 0 : 4).dropLast(4))
        }
        return [text, Hex.encode(bytes)] + shifted
    }
}

/// Looks for canaries wherever a deployment keeps or shows anything.
package struct CanarySearch: Sendable {
    private let forms: [String]
    /// Places that hold one; empty when all is well.
    package private(set) var found: [String] = []
    /// How many texts were searched.
    package private(set) var searched = 0

    /// Nothing has been searched yet.
    package init(for canaries: [Canary]) {
        forms = canaries.flatMap(\.forms)
    }

    /// Searches a text.
    package mutating func add(_ place: String, _ text: String) {
        searched += 1
        for form in forms where text.contains(form) { found.append("\(place) holds \(form.prefix(6))…") }
    }

    /// Searches every record of every topic but the one that the test itself wrote the canary to.
    package mutating func addTopics(of fleet: Fleet) async throws {
        let topics =
            [Topics.events, Topics.clusters, Topics.requestsDeadLetter, Topics.tasksDeadLetter]
            + Topics.tasks(cluster: "default")
        for topic in topics {
            for record in (try? await KafkaTopics.records(of: topic, deployment: fleet.host)) ?? [] {
                let headers = record.headers.map { "\($0.name)=\(String(decoding: $0.value ?? [], as: UTF8.self))" }
                let text = String(decoding: (record.key ?? []) + [0x20] + (record.value ?? []), as: UTF8.self)
                add("\(topic) at \(record.offset)", text + headers.joined(separator: " "))
            }
        }
    }

    /// Searches a dump of the database.
    package mutating func addDatabase(of fleet: Fleet) async throws {
        let dump = try await TestProcess.run("pg_dump", ["--inserts", fleet.postgres.url()], check: true).standardOutput
        add("the database", dump)
    }

    /// Searches every object of the cluster that is no Secret, and what kubectl says of them.
    package mutating func addCluster(of fleet: Fleet, tasks: [String]) async throws {
        for kind in ["pulltasks", "jobs", "pods", "leases", "events", "configmaps", "namespaces", "nodes"] {
            add(kind, try await fleet.host.kubectl("get", kind, "-A", "-o", "yaml"))
        }
        for task in tasks {
            for path in ["", "/nodes"] {
                add("task \(task)\(path)", try await fleet.api.send("GET", "/v1/tasks/\(task)\(path)").json.text())
            }
        }
    }

    /// Searches logs, metrics, command lines and environments of all processes.
    package mutating func addProcesses(of fleet: Fleet) async throws {
        add("log of the host", fleet.host.log)
        for member in fleet.members {
            add("log of \(member.name)", member.process.standardError)
            add("output of \(member.name)", member.process.standardOutput)
            let client = try APIClient(base: member.health, token: "")
            add(
                "metrics of \(member.name)",
                String(decoding: try await client.send("GET", "/metrics").response.body, as: UTF8.self)
            )
            await client.close()
            for name in ["cmdline", "environ"] {
                let bytes = try Data(contentsOf: URL(filePath: "/proc/\(member.process.processIdentifier)/\(name)"))
                add("\(name) of \(member.name)", String(decoding: bytes, as: UTF8.self))
            }
        }
    }
}
