import LongshoreDomain
import Testing
import WireFormats

@Suite("Planning nodes") struct NodePlannerTests {
    private static func spec(
        _ images: [String],
        _ change: (inout TaskSpec) throws -> Void = { _ in }
    ) throws -> TaskSpec {
        var spec = TaskSpec(images: try images.map { RequestedImage(reference: try ImageReference(parsing: $0)) })
        try change(&spec)
        return spec
    }

    private static func node(_ name: String, _ change: (inout NodeFacts) -> Void = { _ in }) -> NodeFacts {
        var node = NodeFacts(name: name, labels: ["kubernetes.io/os": "linux"])
        change(&node)
        return node
    }

    private func skipped(_ plan: NodePlan) -> [String: SkipReason] {
        Dictionary(uniqueKeysWithValues: plan.skipped.map { ($0.name, $0.reason) })
    }

    @Test("takes every ready node, by name")
    func everyNode() throws {
        let plan = planNodes(spec: try Self.spec(["a:1"]), facts: ["c", "a", "b"].map { Self.node($0) })
        #expect(plan.targets.map(\.name) == ["a", "b", "c"])
        #expect(plan.skipped.isEmpty)
    }

    @Test("sets nodes aside with the most lasting reason")
    func obstacles() throws {
        let facts = [
            Self.node("deleting") {
                $0.isDeleting = true
                $0.isReady = false
            }, Self.node("virtual") { $0.virtualPlatform = "EKS Fargate" },
            Self.node("windows") {
                $0.operatingSystem = "windows"
                $0.isUnschedulable = true
            },
            Self.node("unready") {
                $0.isReady = false
                $0.isUnschedulable = true
            },
            Self.node("cordoned") { $0.isUnschedulable = true },
            Self.node("cordoned-by-taint") { $0.taints = [Taint(key: Taint.unschedulableKey, effect: .noSchedule)] },
            Self.node("tainted") { $0.taints = [Taint(key: "gpu", value: "yes", effect: .noSchedule)] },
            Self.node("evicting") { $0.taints = [Taint(key: "x", effect: .noExecute)] },
            Self.node("preferring") { $0.taints = [Taint(key: "x", effect: .preferNoSchedule)] },
            Self.node("full") { $0.hasDiskPressure = true }, Self.node("silent") { $0.operatingSystem = "" },
        ]
        let plan = planNodes(spec: try Self.spec(["a:1"]), facts: facts)
        #expect(plan.targets.map(\.name) == ["preferring", "silent"])
        #expect(
            skipped(plan) == [
                "deleting": .deleting, "virtual": .virtual, "windows": .operatingSystem, "unready": .notReady,
                "cordoned": .cordoned, "cordoned-by-taint": .cordoned, "tainted": .taintNotTolerated,
                "evicting": .taintNotTolerated, "full": .diskPressure,
            ]
        )
        #expect(plan.skipped.allSatisfy { !$0.message.isEmpty })
    }

    @Test("takes cordoned and tainted nodes where the task says so")
    func choices() throws {
        let spec = try Self.spec(["a:1"]) {
            $0.nodeSelection.includeCordoned = true
            $0.nodeSelection.tolerations = [Toleration(key: "gpu", operator: .equal, value: "yes")]
        }
        let facts = [
            Self.node("cordoned") {
                $0.isUnschedulable = true
                $0.taints = [Taint(key: Taint.unschedulableKey, effect: .noSchedule)]
            }, Self.node("gpu") { $0.taints = [Taint(key: "gpu", value: "yes", effect: .noSchedule)] },
            Self.node("other") { $0.taints = [Taint(key: "gpu", value: "no", effect: .noSchedule)] },
        ]
        let plan = planNodes(spec: spec, facts: facts)
        #expect(plan.targets.map(\.name) == ["cordoned", "gpu"])
        #expect(skipped(plan) == ["other": .taintNotTolerated])
    }

    @Test("leaves out by labels silently, by name with a reason")
    func selection() throws {
        let facts = [
            Self.node("a") { $0.labels["gpu"] = "1" }, Self.node("b"), Self.node("c") { $0.labels["gpu"] = "1" },
        ]
        let byLabel = try Self.spec(["x:1"]) { $0.nodeSelection.selector.matchLabels = ["gpu": "1"] }
        let plan = planNodes(spec: byLabel, facts: facts)
        #expect(plan.targets.map(\.name) == ["a", "c"])
        #expect(plan.skipped.isEmpty)
        let byName = try Self.spec(["x:1"]) {
            $0.nodeSelection.names = ["c", "b", "ghost", "c"]
            $0.nodeSelection.selector.matchLabels = ["gpu": "1"]
        }
        let named = planNodes(spec: byName, facts: facts)
        #expect(named.targets.map(\.name) == ["c"])
        #expect(skipped(named) == ["b": .selectorMismatch, "ghost": .unknown])
    }

    @Test("looks at a name that is reported twice only once")
    func duplicates() throws {
        let facts = [Self.node("a"), Self.node("a") { $0.isReady = false }, Self.node("b")]
        let plan = planNodes(spec: try Self.spec(["x:1"]), facts: facts)
        #expect(plan.targets.map(\.name) == ["a", "b"])
        #expect(plan.duplicates == ["a"])
        #expect(plan.skipped.isEmpty)
    }

    @Test("gives an image the Secret of the most specific scope, and no other Secret to the node")
    func secrets() throws {
        let spec = try Self.spec(["h.io/ml/a:1", "h.io/web:1", "nginx:1"]) {
            $0.credentials = [
                CredentialReference(scope: try RegistryScope(parsing: "h.io"), secretName: "wide", isManaged: true),
                CredentialReference(
                    scope: try RegistryScope(parsing: "h.io/ml"),
                    secretName: "narrow",
                    isManaged: true
                ),
                CredentialReference(scope: try RegistryScope(parsing: "quay.io"), secretName: "quay", isManaged: false),
            ]
            $0.images.append(RequestedImage(reference: try ImageReference(parsing: "h.io/ml/b:1"), secretName: "own"))
        }
        let target = try #require(planNodes(spec: spec, facts: [Self.node("n")]).targets.first)
        #expect(target.plannedImages.map(\.secretName) == ["narrow", "wide", nil, "own"])
        #expect(target.secretNames == ["narrow", "wide", "own"])
        #expect(target.secretNames(for: [try ImageReference(parsing: "h.io/web:1")]) == ["wide"])
    }

    @Test("finds images that are there by whole names only, and asks for no Secret for them")
    func present() throws {
        let spec = try Self.spec(["nginx:1", "h.io/a:1", "h.io/b", "h.io/c:1"]) {
            $0.credentials = [
                CredentialReference(scope: try RegistryScope(parsing: "h.io/a"), secretName: "a", isManaged: true)
            ]
        }
        let facts = [
            Self.node("some") {
                $0.imageNames = ["docker.io/library/nginx:1", "h.io/a:1", "h.io/b:latest", "h.io/c:11"]
            },
            Self.node("short") { $0.imageNames = ["nginx:1"] }, Self.node("none"),
        ]
        let targets = planNodes(spec: spec, facts: facts).targets
        let names = Dictionary(
            uniqueKeysWithValues: targets.map { ($0.name, $0.presentImages.map(\.familiar).sorted()) }
        )
        // "h.io/b" is a latest tag: the registry has to be asked.
        #expect(names == ["some": ["h.io/a:1", "nginx:1"], "short": ["nginx:1"], "none": []])
        #expect(targets.first { $0.name == "some" }?.secretNames == [])
        #expect(targets.first { $0.name == "none" }?.secretNames == ["a"])
        #expect(targets.allSatisfy { !$0.isSatisfied })
    }

    @Test("counts a node with every image as satisfied, unless the registry is to be asked")
    func satisfied() throws {
        let facts = [Self.node("n") { $0.imageNames = ["h.io/a:1"] }]
        #expect(planNodes(spec: try Self.spec(["h.io/a:1"]), facts: facts).targets.first?.isSatisfied == true)
        let always = try Self.spec(["h.io/a:1"]) { $0.pullPolicy = .always }
        #expect(planNodes(spec: always, facts: facts).targets.first?.isSatisfied == false)
    }

    @Test("applies overrides by label, matches credentials to what they make, and replaces Secrets")
    func overrides() throws {
        let spec = try Self.spec(["h.io/a:1", "quay.io/b:1"]) {
            $0.credentials = [
                CredentialReference(scope: try RegistryScope(parsing: "h.io"), secretName: "h", isManaged: true),
                CredentialReference(scope: try RegistryScope(parsing: "m.io"), secretName: "m", isManaged: true),
            ]
            $0.overrides = [
                NodeOverride(
                    selector: LabelSelector(matchLabels: ["region": "m"]),
                    images: [.init(component: .registry, operator: .replace, value: "m.io")]
                ),
                NodeOverride(
                    selector: LabelSelector(matchLabels: ["arm": "yes"]),
                    images: [.init(component: .tag, operator: .add, value: "-arm")],
                    secretName: "arm"
                ), NodeOverride(selector: LabelSelector(matchLabels: ["bare": "yes"]), secretName: "bare"),
            ]
        }
        let facts = [
            Self.node("plain"), Self.node("region") { $0.labels["region"] = "m" },
            Self.node("both") { $0.labels = ["region": "m", "arm": "yes"] },
            Self.node("bare") { $0.labels["bare"] = "yes" },
        ]
        let targets = Dictionary(
            uniqueKeysWithValues: planNodes(spec: spec, facts: facts).targets.map { ($0.name, $0) }
        )
        func lines(_ name: String) -> [String] {
            targets[name]?.plannedImages.map { "\($0.reference) \($0.secretName ?? "-")" } ?? []
        }
        #expect(lines("plain") == ["h.io/a:1 h", "quay.io/b:1 -"])
        #expect(lines("region") == ["m.io/a:1 m", "m.io/b:1 m"])
        #expect(lines("both") == ["m.io/a:1-arm arm", "m.io/b:1-arm arm"])
        #expect(lines("bare") == ["h.io/a:1 bare", "quay.io/b:1 bare"])
    }

    @Test("does not take an image's own Secret along to another registry, and lists an image once")
    func overriddenOwnSecret() throws {
        var spec = try Self.spec([])
        spec.images = [
            RequestedImage(reference: try ImageReference(parsing: "h.io/a:1"), secretName: "own"),
            RequestedImage(reference: try ImageReference(parsing: "m.io/a:1")),
        ]
        spec.overrides = [
            NodeOverride(
                selector: LabelSelector(),
                images: [.init(component: .registry, operator: .replace, value: "m.io")]
            )
        ]
        let target = try #require(planNodes(spec: spec, facts: [Self.node("n")]).targets.first)
        #expect(target.plannedImages == [PlannedImage(reference: try ImageReference(parsing: "m.io/a:1"))])
    }

    @Test("sets a node aside where overrides together make no reference")
    func invalidOverrides() throws {
        let long = String(repeating: "x", count: 100)
        let rule = NodeOverride.ImageRule(component: .tag, operator: .add, value: long)
        let spec = try Self.spec(["a:1"]) {
            $0.overrides = ["p", "q"].map {
                NodeOverride(selector: LabelSelector(matchLabels: [$0: "1"]), images: [rule])
            }
        }
        let facts = [
            Self.node("one") { $0.labels = ["p": "1"] }, Self.node("two") { $0.labels = ["p": "1", "q": "1"] },
        ]
        let plan = planNodes(spec: spec, facts: facts)
        #expect(plan.targets.map(\.name) == ["one"])
        #expect(skipped(plan) == ["two": .invalidOverride])
    }

    @Test(
        "tolerates taints as Kubernetes does",
        arguments: [
            (Toleration(key: nil), true), (Toleration(key: "k"), true), (Toleration(key: "j"), false),
            (Toleration(key: "k", operator: .equal, value: "v"), true),
            (Toleration(key: "k", operator: .equal, value: "w"), false),
            (Toleration(key: "k", effect: .noExecute), false), (Toleration(key: "k", effect: .noSchedule), true),
            (Toleration(key: nil, operator: .equal, value: "v"), false),
        ]
    )
    func tolerations(toleration: Toleration, tolerates: Bool) {
        #expect(toleration.tolerates(Taint(key: "k", value: "v", effect: .noSchedule)) == tolerates)
    }
}
