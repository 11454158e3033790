import Curl
import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// A database whose disk is full: refused, nothing lost, and made up for once there is room.
@Suite(
    "The database's disk is full",
    .tags(.integration),
    .timeLimit(.minutes(5)),
    .needsSimulator("fills the disk under the simulated cluster"),
    .needsEmbeddedBroker,
    .needsMounts
)
struct DiskFullTests {
    @Test("New tasks are refused with 503, and what was accepted is done once there is room again")
    func diskFull() async throws {
        let volume = try await SmallVolume(megabytes: 144)
        let postgres = try await PostgresServer(
            settings: ["max_wal_size": "32MB", "min_wal_size": "32MB"],
            folder: volume.folder
        )
        let fleet = try await Fleet.start(nodes: 2, postgres: postgres)
        let registries = try await SharedRegistries.instance.get()
        let receiver = try WebhookReceiver()
        let body: JSONValue = [
            "images": [.string(registries.open.public)], "pullPolicy": "Always", "webhookUrl": .string(receiver.url),
        ]
        var tasks = [try await fleet.api.submit(body)]
        try await volume.fill()
        // Pages that have room left take a few more.
        let refusal = try await waitForValue(timeout: .seconds(90), "a refusal") {
            let answer = try await fleet.api.send("POST", "/v1/tasks", body: body.serialized())
            if answer.status == 202, let id = answer.json["id"]?.string { tasks.append(id) }
            return answer.status == 202 ? APIClient.Answer?.none : answer
        }
        #expect(refusal.status == 503, "\(refusal.json.text())")
        #expect(refusal.response.header("Retry-After") != nil)
        volume.free()
        let last = try await waitForValue(timeout: .seconds(60), "a task to be accepted again") {
            try? await fleet.api.submit(body)
        }
        for task in tasks + [last] {
            #expect(try await fleet.api.waitForEnd(of: task)["status"]?.string == "succeeded")
        }
        try await waitUntil(timeout: .seconds(60), "all webhooks") {
            (tasks + [last]).allSatisfy { task in receiver.received.contains { $0.body.contains("\"\(task)\"") } }
        }
        receiver.stop()
        await fleet.stop()
        await volume.unmount()
    }
}

/// The simulated cluster's disk is full: a change that cannot be kept is refused, and none that was acknowledged is lost.
@Suite(
    "The simulated cluster's disk is full",
    .tags(.integration),
    .timeLimit(.minutes(5)),
    .needsSimulator("fills the disk under the simulated cluster"),
    .needsEmbeddedBroker,
    .needsMounts
)
struct ClusterDiskFullTests {
    @Test("Changes are refused with an error until there is room, and what was acknowledged is there after a kill")
    func diskFull() async throws {
        let volume = try await SmallVolume(megabytes: 8)
        let arguments = ["--nodes", "1", "--executors", "0", "--without", "intake", "--without", "notifier"]
        let first = try await Deployment.start(arguments, folder: volume.folder)
        var made: [String] = []
        func make(_ name: String) async -> Bool {
            // Larger than what is left of the last page of a file.
            let value = String(repeating: "x", count: 8_192)
            let made = try? await first.kubectl("create", "configmap", name, "--from-literal", "key=\(value)")
            return made != nil
        }
        #expect(await make("before"))
        made.append("before")
        try await volume.fill()
        #expect(await !make("refused"))
        volume.free()
        for name in ["after", "last"] {
            #expect(await make(name))
            made.append(name)
        }
        await first.process.killNow()
        let second = try await Deployment.start(arguments, folder: volume.folder, postgres: first.postgres)
        let names = try await second.kubectl("get", "configmaps", "-o", "name").split(separator: "\n").map(String.init)
        for name in made { #expect(names.contains("configmap/\(name)"), "\(names)") }
        #expect(!names.contains("configmap/refused"))
        #expect(await second.stop() == .exited(0))
        await volume.unmount()
    }
}

/// A small file system in memory.
private final class SmallVolume: Sendable {
    let folder: TemporaryDirectory

    init(megabytes: Int) async throws {
        folder = try TemporaryDirectory(prefix: "volume")
        try await TestProcess.run(
            "mount",
            ["-t", "tmpfs", "-o", "size=\(megabytes)m,mode=755", "longshore-test", folder.path]
        )
    }

    /// Takes all room that is left.
    func fill() async throws {
        // Ends with an error when nothing is left, which is what is wanted.
        _ = try await TestProcess.run(
            "dd",
            ["if=/dev/zero", "of=\(folder.appending("filler"))", "bs=8192"],
            check: false
        )
    }

    /// Gives the room back.
    func free() { try? writeFile(folder.appending("filler"), "") }

    func unmount() async { _ = try? await TestProcess.run("umount", ["--lazy", folder.path], check: false) }
}

extension Trait where Self == ConditionTrait {
    /// For tests that mount a file system.
    fileprivate static var needsMounts: ConditionTrait {
        .enabled("needs the right to mount a file system") {
            guard let folder = try? TemporaryDirectory(prefix: "mount") else { return false }
            let mounted = try? await TestProcess.run("mount", ["-t", "tmpfs", "tmpfs", folder.path], check: false)
            _ = try? await TestProcess.run("umount", [folder.path], check: false)
            return mounted?.termination == .exited(0)
        }
    }
}
