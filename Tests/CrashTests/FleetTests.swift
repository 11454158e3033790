import DeploymentSupport
import TestSupport
import Testing
import WireFormats

@Suite("A fleet of processes", .tags(.integration), .timeLimit(.minutes(4)), .serialized)
struct FleetTests {
    @Test("works on a task", .needsSimulator)
    func works() async throws {
        let fleet = try await Fleet.start(executors: 2)
        let registries = try await SharedRegistries.instance.get()
        let task = try await fleet.api.submit(["images": [.string(registries.open.public)]])
        let ended = try await fleet.api.waitForEnd(of: task)
        #expect(ended["status"]?.string == "succeeded", "\(ended.text())")
        await fleet.stop()
    }
}
