import ClusterSimulator
import Curl
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing

@testable import ExecutorService

/// Tasks that name a registry where none may be.
@Suite(.timeLimit(.minutes(3))) struct RegistryAddressTests {
    private static let hosts = [
        "169.254.169.254", "169.254.169.254:80", "0xa9.0xfe.0xa9.0xfe", "2852039166:443", "[::ffff:a9fe:a9fe]:443",
        "[64:ff9b::a9fe:a9fe]:443", "224.0.0.1", "0.0.0.0:5000", "[::]:5000", "100.100.100.200", "192.0.0.192",
        "[fd00:ec2::254]:80", "[fd20:ce::254]:80", "metadata.test", "metadata.test:5000",
    ]

    private static let lookup = NameLookup { host in
        host == "metadata.test" ? [IPAddress("169.254.169.254")!] : NameLookup.system.addresses(host)
    }

    @Test func `a task for the cloud's metadata service fails before anything is created`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor { $0.registryNameLookup = Self.lookup }
            for host in Self.hosts {
                for checks in [Set<TaskCheck>([.registry]), []] {
                    let task = try await world.submit(["\(host)/latest/meta-data:1"]) { $0.checks = checks }
                    let end = try await world.waitForEnd(task.taskID)
                    #expect(end.type == .taskFailed && end.cause == .policyDenied, "\(host) \(checks)")
                }
            }
            #expect(world.simulator.callCounts()["create jobs.batch"] == nil)
            await executor.stop()
        }
    }

    @Test func `networks that the operator denies are not asked, and no node is sent there`() async throws {
        let registry = try ScriptedHTTPServer()
        defer { registry.stop() }
        let image = "127.0.0.1:\(registry.port)/team/a:1"
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor {
                $0.registryAddresses.denied = [CIDR("127.0.0.0/8")!]
            }
            for host in ["127.0.0.1", "localhost", "[::ffff:7f00:1]"] {
                for checks in [Set<TaskCheck>([.registry]), []] {
                    let task = try await world.submit(["\(host):\(registry.port)/team/a:1"]) { $0.checks = checks }
                    let end = try await world.waitForEnd(task.taskID)
                    #expect(end.type == .taskFailed && end.cause == .policyDenied, "\(host) \(checks)")
                }
            }
            #expect(registry.connectionCount == 0)
            #expect(world.simulator.callCounts()["create jobs.batch"] == nil)
            await executor.stop()
            // By default this machine may have a registry, as with Docker; this one only has an odd answer.
            let open = try await world.startExecutor("two")
            let task = try await world.submit([image]) { $0.checks = [.registry] }
            #expect(try await world.waitForEnd(task.taskID).type == .taskSucceeded)
            #expect(registry.connectionCount > 0)
            await open.stop()
        }
    }

    /// Some registries have names that only nodes know: in their hosts file, or as a mirror of the runtime.
    @Test func `a registry whose name the executor cannot resolve is left to the nodes`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor { $0.registryNameLookup = NameLookup { _ in [] } }
            for checks in [Set<TaskCheck>([.registry]), []] {
                let task = try await world.submit(["nodes-only.test/team/a:1"]) { $0.checks = checks }
                #expect(try await world.waitForEnd(task.taskID).type == .taskSucceeded)
            }
            await executor.stop()
        }
    }
}
