import LongshoreDomain
import Testing

@Suite struct TaskRunDigestTests {
    @Test func `a digest that comes later than the image is told at the node's end`() {
        var driver = RunDriver()
        driver.begin(["n1"])
        driver.send(.jobObserved(.init(node: "n1", attempt: 1, images: ["a": .init(phase: .pulled)])))
        driver.send(
            .jobObserved(
                .init(
                    node: "n1",
                    attempt: 1,
                    images: [
                        "a": .init(phase: .pulled, digest: "sha256:1"), "b": .init(phase: .pulled, digest: "sha256:2"),
                    ]
                )
            )
        )
        let ends = driver.effects.compactMap { effect -> TaskEventDraft? in
            guard case .emit(let draft) = effect, draft.kind == .nodeSucceeded else { return nil }
            return draft
        }
        #expect(ends.first?.images.map(\.digest) == ["sha256:1", "sha256:2"])
    }
}
