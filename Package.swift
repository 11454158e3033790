// swift-tools-version: 6.2

import PackageDescription

// The arrows between targets point one way: a target depends only on targets listed above it.
// docs/decisions/001-base-targets.md says why `WireFormats` and `Redaction` stand below everything else.

/// The package's third-party products, by the name a target refers to them with.
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let orderedCollections: Target.Dependency = .product(name: "OrderedCollections", package: "swift-collections")

/// A library target and, beside it, its tests.
func library(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    testedWith testDependencies: [Target.Dependency] = [],
    fixtures: [String] = [],
    resources: [Resource]? = nil
) -> [Target] {
    [
        .target(name: name, dependencies: dependencies, resources: resources),
        .testTarget(
            name: "\(name)Tests",
            dependencies: [.target(name: name), "TestSupport"] + dependencies + testDependencies,
            exclude: fixtures
        ),
    ]
}

var targets: [Target] = [
    .systemLibrary(name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    // The SQL and the Kubernetes objects that the binary carries, from the same files that operators read.
    .target(
        name: "Migrations",
        path: "migrations",
        resources: [
            .embedInCode("001_schema.sql"), .embedInCode("002_lost_messages.sql"),
            .embedInCode("003_delivery_hosts.sql"), .embedInCode("004_redelivery.sql"),
            .embedInCode("005_task_updates.sql"), .embedInCode("006_acknowledgements.sql"),
            .embedInCode("007_unknown_nodes.sql"), .embedInCode("008_retries.sql"),
            .embedInCode("009_refusals.sql"),
        ]
    ),
    .target(
        name: "KubernetesManifests",
        path: "compose/kubernetes",
        exclude: [
            "overlays", "base/kustomization.yaml", "base/namespace-system.yaml", "base/networkpolicies.yaml",
            "base/intake.yaml", "base/executor.yaml", "base/notifier.yaml",
        ],
        sources: ["KubernetesManifests.swift"],
        resources: [
            .embedInCode("base/crd.yaml"), .embedInCode("base/namespaces.yaml"),
            .embedInCode("base/priorityclass.yaml"), .embedInCode("base/rbac.yaml"),
        ]
    ),
    // Servers and programs that tests start for themselves; it imports none of our own targets.
    .target(name: "TestSupport", dependencies: [subprocess], path: "Tests/TestSupport"),
]
targets += library("WireFormats")
targets += library("Redaction")
targets += library("BlockingExecutor")
targets += library("RDKafka", ["CRdKafka", "BlockingExecutor", logging])
targets += library("Curl", ["CCurl", "BlockingExecutor", "Redaction"])
targets += library("LibPQ", ["CLibpq", "BlockingExecutor", "Redaction"])
targets += library("KubernetesAPI", ["Curl", "WireFormats", "Redaction", logging, yams, subprocess])
targets += library("OCIRegistry", ["Curl", "WireFormats", "Redaction", crypto])
targets += library("LongshoreDomain", ["WireFormats", "Redaction"])
targets += library(
    "LongshoreMessages",
    ["LongshoreDomain", "WireFormats", "Redaction", crypto],
    fixtures: ["Fixtures"]
)
targets += library(
    "ServiceRuntime",
    [
        "BlockingExecutor", "CMalloc", "RDKafka", "LongshoreMessages", "LongshoreDomain", "WireFormats", "Redaction",
        logging, metrics, coreMetrics, serviceLifecycle, unixSignals, configuration, hummingbird, hummingbirdCore,
        httpTypes,
        nioCore, nioHTTP1, systemPackage, yams,
    ],
    testedWith: ["Curl"]
)
let service: [Target.Dependency] = [
    "ServiceRuntime", "RDKafka", "LongshoreMessages", "LongshoreDomain", "WireFormats", "Redaction",
    logging, metrics, serviceLifecycle, crypto,
]
targets += library(
    "IntakeService",
    service + ["LibPQ", "Migrations", hummingbird, httpTypes, nioCore],
    testedWith: ["Curl"]
)
targets += library(
    "ExecutorService",
    service + ["KubernetesAPI", "OCIRegistry", "Curl"],
    testedWith: ["ClusterSimulator", "KubernetesManifests"]
)
targets += library("NotifierService", service + ["LibPQ", "KubernetesAPI", "Curl"], testedWith: ["Migrations"])
targets += library(
    "ClusterSimulator",
    [
        "KubernetesAPI", "OCIRegistry", "Curl", "WireFormats", "Redaction", crypto, logging, hummingbird, httpTypes,
        nioCore, yams, serviceLifecycle, deque, orderedCollections, systemPackage,
    ]
)
targets += [
    .executableTarget(
        name: "longshore",
        dependencies: service + [
            "IntakeService", "ExecutorService", "NotifierService", "ClusterSimulator", "KubernetesAPI", "OCIRegistry",
            "LibPQ", "Curl", "BlockingExecutor", argumentParser, unixSignals, configuration, subprocess, systemPackage,
            "Migrations", "KubernetesManifests", yams,
        ]
    ),
    // The limit that Benchmarks/run holds an executor against.
    .executableTarget(
        name: "longshore-loop",
        dependencies: ["KubernetesAPI", "WireFormats", argumentParser, logging],
        path: "Benchmarks/longshore-loop"
    ),
    // What Benchmarks/instructions counts the instructions of.
    .executableTarget(
        name: "longshore-instructions",
        dependencies: ["LongshoreDomain", "LongshoreMessages", "WireFormats"],
        path: "Benchmarks/longshore-instructions"
    ),
    .testTarget(
        name: "LongshoreCommandTests",
        dependencies: [
            "longshore", "TestSupport", "ServiceRuntime", "ExecutorService", "Curl", "LongshoreMessages",
            "LongshoreDomain", "KubernetesAPI", "WireFormats", "Redaction", argumentParser,
        ]
    ),
    .testTarget(
        name: "KubernetesManifestsTests",
        dependencies: [
            "KubernetesManifests", "KubernetesAPI", "Curl", "LongshoreDomain", "WireFormats", "TestSupport",
        ]
    ),
    .target(
        name: "DeploymentSupport",
        dependencies: [
            "TestSupport", "RDKafka", "Curl", "KubernetesAPI", "KubernetesManifests", "LongshoreMessages",
            "OCIRegistry",
            "WireFormats", "Redaction", logging,
        ],
        path: "Tests/DeploymentSupport"
    ),
]

// What the documents tell a reader to type.
targets.append(
    .testTarget(name: "GuideTests", dependencies: ["TestSupport", "DeploymentSupport", "longshore"])
)

// Decoders of what others send, fuzzed from the samples in its folder Corpus.
targets.append(
    .testTarget(
        name: "FuzzTests",
        dependencies: [
            "TestSupport", "WireFormats", "Redaction", "LongshoreDomain", "LongshoreMessages", "KubernetesAPI",
            "OCIRegistry", "Curl", "IntakeService", "NotifierService", systemPackage,
        ],
        exclude: ["Corpus"]
    )
)

// Suites that run services as processes see them as their users do, and look into every part they talk to.
targets += ["IntegrationTests", "ChaosTests", "CrashTests", "FaultTests", "OutageTests", "SecretsTests"].map { name in
    .testTarget(
        name: name,
        dependencies: [
            "TestSupport", "DeploymentSupport", "RDKafka", "LibPQ", "Curl", "KubernetesAPI", "LongshoreMessages",
            "LongshoreDomain", "ServiceRuntime", "ClusterSimulator", "OCIRegistry", "WireFormats", "Redaction",
            "longshore", crypto, logging,
        ]
    )
}

// The C wrappers alone may touch pointers; everywhere else an unsafe expression is a compile error.
let wrappers: Set<String> = ["BlockingExecutor", "RDKafka", "Curl", "LibPQ"]
let wrapperTests = Set(wrappers.map { "\($0)Tests" })
for target in targets where target.type != .system {
    target.swiftSettings =
        [
            .swiftLanguageMode(.v6),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            .treatAllWarnings(as: .error),
        ]
        + (wrappers.contains(target.name) || wrapperTests.contains(target.name) || target.name == "TestSupport"
            ? [] : [.strictMemorySafety()])
}

// `LONGSHORE_ONLY=CurlTests swift test` keeps the named targets and what they need, so that work on one target
// neither builds nor waits for the others.
if let only = Context.environment["LONGSHORE_ONLY"], !only.isEmpty {
    var kept = Set(only.split(separator: ",").map(String.init))
    var grew = true
    while grew {
        let needed = targets.filter { kept.contains($0.name) }.flatMap(\.dependencies).compactMap { dependency in
            switch dependency {
            case .targetItem(let name, _), .byNameItem(let name, _): name
            default: String?.none
            }
        }
        grew = !kept.isSuperset(of: needed)
        kept.formUnion(needed)
    }
    targets.removeAll { !kept.contains($0.name) }
}

let package = Package(
    name: "longshore",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(
            url: "https://github.com/hummingbird-project/hummingbird",
            from: "2.28.1",
            traits: ["ConfigurationSupport"]
        ),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(
            url: "https://github.com/apple/swift-configuration",
            from: "1.4.0",
            traits: ["CommandLineArguments", "YAML", "JSON"]
        ),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: targets
)
