import FoundationEssentials
import LongshoreDomain
import LongshoreMessages
import ServiceRuntime
import WireFormats

/// Looks at the service as a client meets it: where it is, its version, the token, and the executors that it has heard of.
struct ServiceDoctor {
    /// After how long without a sign of life executors count as gone; they announce themselves every 30 s.
    static let silence = Duration.seconds(100)

    let options: ConnectionOptions

    /// Looks at everything, each thing as long as those before it allow.
    ///
    /// - Returns: The clusters of the fleet.
    func examine(_ report: inout DoctorReport) async -> [String] {
        do {
            let client = try await connect(&report)
            _ = try await client.send("GET", "/v1/tasks", query: [("limit", "1")], timeout: .seconds(15))
            report.add(.ok, "token", "it is taken")
            let clusters =
                try await client.send("GET", "/v1/clusters", timeout: .seconds(15)).json["items"]?.array ?? []
            report.add(contentsOf: Self.executors(clusters, now: SystemWallClock().now()))
            return clusters.compactMap { $0["cluster"]?.string }
        } catch let failure as CommandFailure {
            report.fail(failure.code == .unauthorized ? "token" : "service", failure)
        } catch {
            report.fail("service", .unreachable("\(error)"))
        }
        return []
    }

    private func connect(_ report: inout DoctorReport) async throws -> IntakeClient {
        let target = try ConnectionOptions.Target(options: options, environment: ProcessInfo.processInfo.environment)
        let client = try IntakeClient(server: target.server, token: target.token, caPath: target.caFile)
        let description = try await client.send("GET", "/openapi.json", timeout: .seconds(15)).json
        let place = "\(target.server) answers (from \(target.origin))"
        guard description["paths"]?["/v1/tasks"] != nil else {
            throw CommandFailure.unreachable("\(target.server) answers, but is not Longshore's API: check the URL")
        }
        report.add(.ok, "service", place)
        report.add(contentsOf: Self.version(description["info"]?["x-longshore-version"]?.string))
        return client
    }

    /// Compares the service's version with the command's.
    static func version(_ service: String?) -> DoctorReport {
        var report = DoctorReport()
        let own = ProductVersion.text
        switch service {
        case own?: report.add(.ok, "version", "\(own), as this command")
        case let other?: report.add(.warning, "version", "the service has \(other), this command \(own)")
        case nil: report.add(.unknown, "version", "the service does not tell it; this command has \(own)")
        }
        return report
    }

    /// Judges clusters as `GET /v1/clusters` lists them.
    static func executors(_ clusters: [JSONValue], now: Timestamp) -> DoctorReport {
        var report = DoctorReport()
        if clusters.isEmpty { report.fail("executors", CommandFailure(.notFound, "the service knows no cluster")) }
        for cluster in clusters {
            let subject = "executors of \(cluster["cluster"]?.string ?? "?")"
            let names = (cluster["executors"]?.array ?? []).compactMap(\.string)
            guard let heartbeat = cluster["heartbeatAt"]?.string.flatMap({ Timestamp(rfc3339: $0) }) else {
                report.fail(subject, .unreachable("none has ever announced itself: tasks wait until one is started"))
                continue
            }
            let age = now.duration(since: heartbeat)
            let ago = "last heard of \(ProgressDisplay.text(age)) ago"
            guard age <= silence, !names.isEmpty else {
                report.fail(subject, .unreachable("\(ago): tasks wait until one is back"))
                continue
            }
            let version = cluster["version"]?.string.map { ", version \($0)" } ?? ""
            report.add(.ok, subject, "\(Plural.count(names.count, "executor")), \(ago)\(version)")
            if cluster["keys"]?.array?.isEmpty ?? true {
                report.add(.warning, subject, "no sealing key: requests with credentials are refused")
            }
        }
        return report
    }
}
