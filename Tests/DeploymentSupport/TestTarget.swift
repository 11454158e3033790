import FoundationEssentials
import TestSupport
package import Testing

/// Which cluster and which broker the suite runs against.
package enum TestTarget {
    /// `LONGSHORE_TEST_KUBECONFIG`: a kubeconfig of any cluster; nil means the simulator.
    package static let kubeconfig = environment("LONGSHORE_TEST_KUBECONFIG")
    /// `LONGSHORE_TEST_KAFKA`: the address of any broker; nil means the embedded one.
    package static let kafka = environment("LONGSHORE_TEST_KAFKA")
    /// The command under test.
    package static let binary = environment("LONGSHORE_TEST_BINARY") ?? ".build/debug/longshore"

    /// A variable of the environment; nil where it is empty.
    package static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension Trait where Self == ConditionTrait {
    /// For tests that need the simulator's own nodes, registries on loopback or knobs.
    package static var needsSimulator: ConditionTrait {
        .enabled(
            if: TestTarget.kubeconfig == nil,
            "needs the simulator's own nodes, which pull from registries on this machine; LONGSHORE_TEST_KUBECONFIG is set"
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
