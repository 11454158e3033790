import LongshoreDomain
import Testing
import WireFormats

@Suite struct TaskSettingsTests {
    @Test func `a lower tolerance and fewer attempts hold at once`() {
        var strict = RunDriver(batchSize: 1, tolerance: .count(3))
        strict.begin(["n1", "n2", "n3"])
        strict.fail("n1")
        #expect(strict.run.outcome == nil)
        var settings = strict.run.settings
        settings.tolerance = .count(0)
        strict.send(.settingsChanged(settings))
        #expect(strict.run.phase(ofNode: "n3") == .skipped)
        strict.finish("n2")
        #expect(strict.run.outcome?.reason == "FailureToleranceExceeded")

        var impatient = RunDriver(batchSize: 1, maxRetries: 2)
        impatient.begin(["n1"])
        impatient.fail("n1")
        #expect(impatient.run.phase(ofNode: "n1") == .pulling)
        settings = impatient.run.settings
        settings.maxRetries = 0
        impatient.send(.settingsChanged(settings))
        #expect(impatient.run.phase(ofNode: "n1") == .failed && impatient.run.outcome?.phase == .failed)
    }
}
