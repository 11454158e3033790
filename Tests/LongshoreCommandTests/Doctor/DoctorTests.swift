import FoundationEssentials
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import longshore

@Suite("What the doctor finds") struct DoctorTests {
    private static let now = Timestamp(rfc3339: "2026-01-01T00:10:00Z") ?? Timestamp(secondsSinceEpoch: 0)

    private static func verdicts(_ report: DoctorReport) -> [String] { report.findings.map(\.verdict.rawValue) }

    @Test("executors are alive, silent, or were never there")
    func executors() {
        func report(_ clusters: JSONValue...) -> [String] {
            Self.verdicts(ServiceDoctor.executors(clusters, now: Self.now))
        }
        let key: JSONValue = [["keyId": "k"]]
        #expect(
            report(["cluster": "a", "executors": ["x"], "keys": key, "heartbeatAt": "2026-01-01T00:09:00Z"]) == ["ok"]
        )
        #expect(
            report(["cluster": "a", "executors": ["x"], "keys": key, "heartbeatAt": "2026-01-01T00:08:00Z"]) == [
                "failed"
            ]
        )
        #expect(
            report(["cluster": "a", "executors": [], "keys": key, "heartbeatAt": "2026-01-01T00:09:59Z"]) == ["failed"]
        )
        #expect(report(["cluster": "a", "keys": []]) == ["failed"])
        #expect(
            report(["cluster": "a", "executors": ["x"], "keys": [], "heartbeatAt": "2026-01-01T00:09:59Z"])
                == ["ok", "warning"]
        )
        #expect(report() == ["failed"])
    }

    @Test("versions are compared")
    func versions() {
        #expect(Self.verdicts(ServiceDoctor.version(ProductVersion.text)) == ["ok"])
        #expect(Self.verdicts(ServiceDoctor.version("0.0.1")) == ["warning"])
        #expect(Self.verdicts(ServiceDoctor.version(nil)) == ["unknown"])
        #expect(Self.verdicts(ClusterDoctor.version("v1.28.3", minor: "28+")) == ["warning"])
        #expect(Self.verdicts(ClusterDoctor.version("v1.36.2", minor: "36")) == ["ok"])
    }

    @Test(
        "topics that keep too little, the wrong way, or take too little are warned of",
        arguments: [
            (Topics.events, ["retention.ms": "604800000", "cleanup.policy": "delete"], 0),
            (Topics.events, ["retention.ms": "-1", "cleanup.policy": "delete"], 0),
            (Topics.events, ["retention.ms": "3600000", "cleanup.policy": "delete"], 1),
            (Topics.events, ["retention.ms": "3600000", "cleanup.policy": "compact"], 1),
            (Topics.clusters, ["cleanup.policy": "compact,delete"], 0),
            (Topics.clusters, ["cleanup.policy": "delete", "retention.ms": "604800000"], 1),
            (Topics.requests, ["retention.ms": "604800000", "max.message.bytes": "1048588"], 1),
            (Topics.events, ["retention.ms": "604800000", "max.message.bytes": "1048588"], 0),
        ] as [(String, [String: String], Int)]
    )
    func topics(name: String, settings: [String: String], faults: Int) throws {
        let definition = try #require(Topics.shared().first { $0.name == name })
        #expect(TopicDoctor.faults(of: definition, settings).count == faults)
    }

    @Test("a topic that is missing has failed, and one whose settings are not told has not")
    func missingTopic() {
        let doctor = TopicDoctor(clusters: ["c"])
        let report = doctor.judge([Topics.events: 4], nil)
        #expect(report.findings.first { $0.subject == "topic longshore.events" }?.verdict == .ok)
        #expect(report.findings.first { $0.subject == "topic longshore.tasks.c.high" }?.verdict == .failed)
        #expect(report.failure?.code == .notFound)
        #expect(report.failure?.message == "8 things not well")
    }

    @Test("leases that were not renewed are no executors")
    func leases() throws {
        func lease(_ renewed: String, holder: String = "e-1") throws -> Lease {
            try Lease(json: [
                "metadata": ["name": "x"],
                "spec": ["holderIdentity": .string(holder), "renewTime": .string(renewed), "leaseDurationSeconds": 15],
            ])
        }
        let alive = ClusterDoctor.leases([try lease("2026-01-01T00:09:50Z")], now: Self.now)
        #expect(alive.lines == ["ok   executors   e-1 at work"])
        #expect(Self.verdicts(ClusterDoctor.leases([try lease("2026-01-01T00:09:40Z")], now: Self.now)) == ["failed"])
        #expect(
            Self.verdicts(ClusterDoctor.leases([try lease("2026-01-01T00:09:50Z", holder: "")], now: Self.now)) == [
                "failed"
            ]
        )
    }

    @Test("nodes are counted by readiness and by what they can do")
    func nodes() throws {
        func node(_ ready: String, _ kubelet: String) throws -> Node {
            try Node(json: [
                "metadata": ["name": "n"],
                "status": [
                    "conditions": [["type": "Ready", "status": .string(ready)]],
                    "nodeInfo": ["kubeletVersion": .string(kubelet), "containerRuntimeVersion": "containerd://2.2.0"],
                ],
            ])
        }
        let report = ClusterDoctor.nodes([try node("True", "v1.36.0"), try node("False", "v1.30.0")])
        #expect(
            report.findings.map(\.detail) == [
                "1 of 2 nodes ready", "on 1 of 2 nodes; the others pull by the strategy kubelet",
            ]
        )
        #expect(Self.verdicts(report) == ["warning", "ok"])
        #expect(ClusterDoctor.nodes([]).failure != nil)
    }

    @Test("the rights that are asked about are those of the manifests")
    func rights() throws {
        let root = String(#filePath.split(separator: "/Tests/")[0])
        let documents = try YAMLDocument.parseAll(readFile("\(root)/compose/kubernetes/base/rbac.yaml"))
        var granted: Set<String> = []
        for role in documents where role["metadata"]?["name"] == "longshore-executor" {
            for rule in role["rules"]?.array ?? [] {
                for group in rule["apiGroups"]?.array ?? [] {
                    for resource in rule["resources"]?.array ?? [] {
                        for verb in rule["verbs"]?.array ?? [] {
                            granted.insert("\(group.string ?? "")/\(resource.string ?? "") \(verb.string ?? "")")
                        }
                    }
                }
            }
        }
        let asked = Set(
            ClusterDoctor.rights.flatMap { right in right.verbs.map { "\(right.group)/\(right.resource) \($0)" } }
        )
        #expect(asked == granted)
    }
}
