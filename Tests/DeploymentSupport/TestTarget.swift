import FoundationEssentials
package import TestSupport
package import Testing

/// Which cluster, broker and registries the suite runs against: the variables are those of the README.
package enum TestTarget {
    /// `LONGSHORE_TEST_KUBECONFIG`: a kubeconfig of any cluster, with an administrator's rights; nil means the simulator.
    package static let kubeconfig = environment("LONGSHORE_TEST_KUBECONFIG")
    /// `LONGSHORE_TEST_KAFKA`: the address of any broker; nil means the embedded one.
    package static let kafka = environment("LONGSHORE_TEST_KAFKA")
    /// The command under test.
    package static let binary = environment("LONGSHORE_TEST_BINARY") ?? ".build/debug/longshore"
    /// `LONGSHORE_TEST_LOOPBACK=1`: the cluster's nodes are on this machine and reach what listens on its loopback.
    package static let hasLoopback = kubeconfig == nil || environment("LONGSHORE_TEST_LOOPBACK") == "1"
    /// `LONGSHORE_TEST_REGISTRIES`: registries that this machine pushes to and the nodes pull from.
    package static let registries = environment("LONGSHORE_TEST_REGISTRIES").map { RegistryAccount.parse($0) }
    /// `LONGSHORE_TEST_HELPER_IMAGE`: what puller Pods run; nil means the executor's default.
    package static let helperImage = environment("LONGSHORE_TEST_HELPER_IMAGE")

    /// A variable of the environment; nil where it is empty.
    package static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// How many registries with an account there are.
    fileprivate static var privateRegistries: Int {
        if let registries { return (try? registries.get().count { !$0.username.isEmpty }) ?? 2 }
        return hasLoopback ? 2 : 0
    }
}

extension Trait where Self == ConditionTrait {
    /// For tests that a cluster of others cannot hold: by the simulator's knobs (time, faults, its audit, thousands of nodes)
    /// or because they start and end the cluster themselves.
    ///
    /// - Parameter why: What the test does with it, as in `counts every call in the simulator's audit`.
    package static func needsSimulator(_ why: String) -> ConditionTrait {
        .enabled(if: TestTarget.kubeconfig == nil, "\(why); LONGSHORE_TEST_KUBECONFIG names another cluster")
    }

    /// For tests whose nodes pull from so many registries with accounts.
    package static func needsRegistries(_ count: Int = 1) -> ConditionTrait {
        .enabled(
            if: TestTarget.privateRegistries >= count,
            "needs \(count == 1 ? "a registry with an account" : "\(count) registries with accounts") that nodes reach: set LONGSHORE_TEST_REGISTRIES, or LONGSHORE_TEST_LOOPBACK=1 where nodes are on this machine"
        )
    }

    /// For tests that stop the broker, or start a deployment of their own beside the one that has the broker's topics.
    package static var needsEmbeddedBroker: ConditionTrait {
        .enabled(if: TestTarget.kafka == nil, "needs a broker of its own; LONGSHORE_TEST_KAFKA is set")
    }

    /// For tests that use a Python package.
    package static func needsPython(_ module: String) -> ConditionTrait {
        .enabled("needs the Python package \(module); compose/test installs it") {
            await Python.has(module)
        }
    }

    /// For tests that use a program.
    package static func needsProgram(_ name: String) -> ConditionTrait {
        .enabled("needs the program \(name); compose/test installs it") {
            (try? await Python.run("import shutil, sys; sys.exit(0 if shutil.which('\(name)') else 1)")) != nil
        }
    }
}

extension Tag {
    /// Needs processes, sockets and seconds.
    @Tag package static var integration: Self
}
