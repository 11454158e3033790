import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Redaction
import ServiceRuntime
import TestSupport
import Testing

@testable import ExecutorService

@Suite(.timeLimit(.minutes(3))) struct SealedCredentialTests {
    @Test func `one credential that does not open leaves no Secret of the others`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(
                ["a.example.com/a:1", "b.example.com/b:1"],
                credentials: [
                    ("a.example.com", "robot", "s3cret-canary"), ("b.example.com", "robot", "s3cret-canary"),
                ],
                tamper: { submitted in
                    let box = submitted.sealedCredentials[1].box
                    submitted.sealedCredentials[1].box = SealedBox(
                        keyID: box.keyID,
                        encapsulatedKey: box.encapsulatedKey,
                        ciphertext: box.ciphertext.dropLast()
                    )
                }
            )
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskFailed && end.reason == "CredentialUnreadable")
            _ = try await world.waitForPhase(task.taskID.text, .failed)
            // The one is that of the sealing keys.
            #expect(world.simulator.callCounts()["create secrets"] == 1)
            #expect(world.simulator.callCounts()["create jobs.batch"] == nil)
            await executor.stop()
        }
    }
}
