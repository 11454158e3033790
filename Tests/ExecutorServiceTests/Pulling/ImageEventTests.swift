import KubernetesAPI
import LongshoreDomain
import Testing
import WireFormats

@testable import ExecutorService

/// What the kubelet's Events add to a Pod's status: with image volumes, the state of each image.
@Suite struct ImageEventTests {
    static let a = "r.example.com/a:1"
    static let b = "r.example.com/b:1"
    static let creating = AttemptObserverTests.waiting("ContainerCreating")
    static let pulled = KubeletImageEvent.Fact.pulled(duration: .seconds(1), bytes: 7)

    static func observe(
        _ facts: [(String, KubeletImageEvent.Fact)],
        _ states: [ContainerState?] = [creating, creating],
        method: PullMethod = .imageVolume,
        attempt: Int = 1,
        isLast: Bool = false
    ) -> [ImagePhase?] {
        var observer = AttemptObserver(
            node: "n1",
            attempt: attempt,
            helperImage: AttemptObserverTests.helper,
            scrubber: CredentialScrubber()
        )
        observer.see(AttemptObserverTests.pod(states, method: method))
        for (image, fact) in facts { observer.see(KubeletImageEvent(image: image, fact: fact)) }
        let observation = observer.observation(isLast: isLast)
        return [a, b].map { observation.images[$0]?.phase }
    }

    @Test func `each image has its own state while the kubelet is at another volume`() {
        #expect(Self.observe([]) == [.pulling, .pulling])
        #expect(Self.observe([(Self.a, .pulling)]) == [.pulling, .pending])
        #expect(Self.observe([(Self.a, .pulling), (Self.a, Self.pulled)]) == [.pulled, .pulling])
        #expect(Self.observe([(Self.a, Self.pulled), (Self.b, .pulling)]) == [.pulled, .pulling])
        #expect(Self.observe([(Self.a, .present)], attempt: 2)[0] == .pulled)
    }

    @Test func `Events alone do not end an attempt while containers may still tell digests`() {
        let both = [(Self.a, KubeletImageEvent.Fact.present), (Self.b, Self.pulled)]
        #expect(Self.observe(both) == [.present, .pulling])
        #expect(Self.observe(both, isLast: true) == [.present, .pulled])
        let ran = AttemptObserverTests.ended(0)
        #expect(Self.observe(both, [ran, Self.creating]) == [.pulled, .pulling])
        #expect(Self.observe(both, [Self.creating, ran]) == [.pulling, .pulled])
        #expect(Self.observe(both, [ran, ran]) == [.pulled, .pulled])
    }

    @Test func `an image that is there stays there, whatever is said after it`() {
        for later in [KubeletImageEvent.Fact.pulling, .present, .failed(message: "x"), .backingOff] {
            #expect(Self.observe([(Self.a, Self.pulled), (Self.a, later)])[0] == .pulled)
        }
        let broken = AttemptObserverTests.waiting("ImagePullBackOff", "Back-off pulling image \"x\"")
        #expect(Self.observe([(Self.a, Self.pulled)], [broken, Self.creating])[0] == .pulled)
    }

    @Test func `a refusal is known before the last volume was tried, a fault that may pass is not final`() {
        let refused = "failed to resolve reference \"\(Self.a)\": \(Self.a): not found"
        #expect(Self.observe([(Self.a, .failed(message: refused))]) == [.failed, .pulling])
        #expect(Self.observe([(Self.a, .failed(message: refused)), (Self.a, .backingOff)])[0] == .failed)
        #expect(Self.observe([(Self.a, .failed(message: "read: connection reset by peer"))])[0] == .pulling)
        #expect(Self.observe([(Self.a, .failed(message: "pull QPS exceeded"))])[0] == .pulling)
    }

    @Test func `Events about the helper or a foreign image change nothing`() {
        let other = [(AttemptObserverTests.helper, Self.pulled), ("r.example.com/c:1", Self.pulled)]
        #expect(Self.observe(other) == [.pulling, .pulling])
        #expect(Self.observe([(Self.b, Self.pulled)], method: .kubelet) == [.pulling, .pulled])
    }

    @Test func `one slow image fails alone when the attempt's time is over`() {
        var observer = AttemptObserver(
            node: "n1",
            attempt: 1,
            helperImage: AttemptObserverTests.helper,
            scrubber: CredentialScrubber()
        )
        observer.see(AttemptObserverTests.pod([Self.creating, Self.creating]))
        observer.see(KubeletImageEvent(image: Self.a, fact: Self.pulled))
        observer.see(KubeletImageEvent(image: Self.b, fact: .pulling))
        observer.see(AttemptObserverTests.job(failed: "DeadlineExceeded"))
        let observation = observer.observation()
        #expect(observation.images[Self.a]?.phase == .pulled)
        #expect(observation.images[Self.b]?.phase == .pulling)
        #expect(observation.ending?.cause == .timeout)
    }
}
