import Testing
import WireFormats

@testable import LongshoreDomain

@Suite struct ResolvedTaskTests {
    private func spec(_ change: (inout TaskSpec) throws -> Void = { _ in }) throws -> TaskSpec {
        var spec = TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx:1.27"))])
        spec.nodeSelection.names = ["node-2", "node-10", "node-1"]
        spec.labels = ["team": "a"]
        try change(&spec)
        return spec
    }

    @Test func `what was taken reads back, with the names of its nodes in little room`() throws {
        let many = (0..<5_000).map { "ip-10-0-\($0 / 250)-\($0 % 250).eu-central-1.compute.internal" }
        let spec = try spec { $0.nodeSelection.names = many }
        let resolved = ResolvedTask(spec)
        let read = try ResolvedTask(json: JSONValue(parsing: resolved.json.text())).spec()
        #expect(read.nodeSelection.names == many.sorted())
        #expect(read.images == spec.images && read.labels == spec.labels && read.cluster == spec.cluster)
        #expect(resolved.isKept && resolved.json.text().utf8.count < 60 << 10)
    }

    static let settled: [(String, @Sendable (inout TaskSpec) throws -> Void)] = [
        ("images", { $0.images.append(RequestedImage(reference: try ImageReference(parsing: "redis:7"))) }),
        ("nodes", { $0.nodeSelection.names = ["node-2"] }), ("nodes", { $0.nodeSelection.names = [] }),
        ("nodes", { $0.nodeSelection.selector = LabelSelector(matchLabels: ["a": "b"]) }),
        ("nodes", { $0.nodeSelection.includeCordoned = true }),
        (
            "registryCredentials",
            {
                let scope = try RegistryScope(parsing: "quay.io")
                $0.credentials = [CredentialReference(scope: scope, secretName: "other", isManaged: false)]
            }
        ),
        ("overrides", { $0.overrides = [NodeOverride(selector: LabelSelector(matchLabels: ["a": "b"]))] }),
        ("pullPolicy", { $0.pullPolicy = .always }), ("strategy", { $0.strategy = .kubelet }),
        ("checks", { $0.checks = [] }), ("labels", { $0.labels = [:] }), ("project", { $0.project = "other" }),
    ]

    @Test(arguments: settled.indices) func `a settled field that differs is named and not followed`(index: Int) throws {
        let taken = try spec()
        let (field, change) = Self.settled[index]
        let (worked, ignored) = try ResolvedTask(taken).applied(to: spec { try change(&$0) })
        #expect(ignored == [field])
        var sorted = taken
        sorted.nodeSelection.names.sort()
        #expect(worked == sorted)
    }

    @Test func `a setting that may be changed is followed`() throws {
        let changed = try spec {
            ($0.priority, $0.batchSize, $0.timeoutSeconds, $0.deadlineSeconds) = (9, 7, 60, 600)
            ($0.maxRetries, $0.retryStrategy, $0.retryDelaySeconds, $0.retryMaxDelaySeconds) = (3, .exponential, 5, 50)
            ($0.failureTolerance, $0.ttlSecondsAfterFinished) = (.count(2), 60)
            $0.nodeSelection.names.reverse()
        }
        let (worked, ignored) = try ResolvedTask(spec()).applied(to: changed)
        #expect(ignored.isEmpty)
        #expect(worked.changeableSettings == changed.changeableSettings)
        #expect(try worked.changeableSettings != spec().changeableSettings)
        #expect(Set(worked.changeableSettings.object?.keys ?? []) == Set(ResolvedTask.changeableFields))
    }
}
