import KubernetesAPI
import LongshoreDomain
import Redaction
import Testing
import WireFormats

@testable import ExecutorService

@Suite struct AttemptObserverTests {
    static let helper = "docker.io/library/busybox:1.37.0-musl"

    static func pod(
        _ states: [ContainerState?],
        images: [String] = ["r.example.com/a:1", "r.example.com/b:1"],
        method: PullMethod = .imageVolume,
        imageID: String = "",
        phase: PodStatus.Phase = .pending,
        reason: String? = nil,
        conditions: [Condition] = []
    ) -> Pod {
        let list = JSONValue.array(images.map { .string($0) }).text()
        var spec = PodSpec(nodeName: "n1")
        if method == .kubelet { spec.initContainers = [Container(name: "helper", image: helper)] }
        return Pod(
            metadata: ObjectMeta(name: "p", annotations: [PullTaskKeys.images: list]),
            spec: spec,
            status: PodStatus(
                phase: phase,
                reason: reason,
                conditions: conditions,
                containerStatuses: states.enumerated().map { index, state in
                    ContainerStatus(name: "image-\(index)", image: images[index], imageID: imageID, state: state)
                }
            )
        )
    }

    static func job(failed reason: String? = nil) -> Job {
        let condition =
            reason.map { Condition(type: "Failed", status: .true, reason: $0, message: "m") }
            ?? Condition(type: "Complete", status: .true)
        return Job(
            metadata: ObjectMeta(name: "j"),
            spec: JobSpec(template: PodTemplate(spec: PodSpec())),
            status: JobStatus(conditions: [condition])
        )
    }

    static func waiting(_ reason: String, _ message: String = "") -> ContainerState {
        .waiting(reason: reason, message: message)
    }

    static func ended(_ exitCode: Int, _ reason: String = "Completed") -> ContainerState {
        .terminated(ContainerTermination(exitCode: exitCode, reason: reason))
    }

    static func observe(_ pods: [Pod], job: Job? = nil) -> TaskRun.JobObservation {
        var observer = AttemptObserver(node: "n1", attempt: 1, helperImage: helper, scrubber: CredentialScrubber())
        if let job { observer.see(job) }
        var last = observer.observation()
        for pod in pods {
            observer.see(pod)
            last = observer.observation()
        }
        return last
    }

    static func secret(_ key: String, _ content: String) -> Secret {
        Secret(
            metadata: ObjectMeta(name: "s"),
            type: key == Secret.dockercfgKey ? Secret.dockercfgType : Secret.dockerConfigJSONType,
            data: [key: SecretBytes(utf8: content)]
        )
    }

    @Test func `what a runtime says has no credential of the task in it, in any usual form`() {
        let scrubber = CredentialScrubber()
        let content = """
            {"auths": {
                "r.example.com": {"username": "robot", "password": "hunter2/canary+1"},
                "other.example.com": {"auth": "YW5uYTphcHBsZS1waWU="},
                "third.example.com": {"identitytoken": "identity-canary"}
            }}
            """
        scrubber.learn(Self.secret(Secret.dockerConfigJSONKey, content))
        // The kubelet's base64 may have line breaks in it, and the older type has no `auths`.
        scrubber.learn(Self.secret(Secret.dockercfgKey, #"{"old.example.com": {"auth": "YmVydDpiZXJy\neS1waWU="}}"#))
        let forms = [
            "hunter2/canary+1", "hunter2%2Fcanary%2B1", #"hunter2\/canary+1"#, "cm9ib3Q6aHVudGVyMi9jYW5hcnkrMQ==",
            "cm9ib3Q6aHVudGVyMi9jYW5hcnkrMQ", "aHVudGVyMi9jYW5hcnkrMQ==", "apple-pie", "YXBwbGUtcGll",
            "identity-canary", "berry-pie",
        ]
        for reason in ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerError"] {
            for form in forms {
                var observer = AttemptObserver(node: "n1", attempt: 1, helperImage: Self.helper, scrubber: scrubber)
                observer.see(Self.pod([Self.waiting(reason, "denied: you sent \(form)!")]))
                let failure = observer.observation().images["r.example.com/a:1"]?.failure
                let message = failure?.message ?? ""
                #expect(message.contains("<redacted>") && !message.contains(form), "\(reason) \(message)")
            }
        }
    }

    @Test func `while a credential is not known, what a runtime says is withheld`() {
        let scrubber = CredentialScrubber()
        scrubber.noteUnread("s")
        #expect(scrubber.scrub("denied: hunter2") == CredentialScrubber.withheld)
        scrubber.learn(Self.secret(Secret.dockerConfigJSONKey, "{}"))
        #expect(scrubber.scrub("denied") == "denied")
    }

    @Test func `an image is there once its container has run or runs`() {
        let seen = Self.observe([Self.pod([Self.ended(0), .running(startedAt: nil)])])
        #expect(seen.images["r.example.com/a:1"]?.phase == .pulled)
        #expect(seen.images["r.example.com/b:1"]?.phase == .pulled)
        #expect(seen.isScheduled && seen.ending == nil)
    }

    @Test(arguments: [
        (PullMethod.kubelet, "sha256:1", ImagePhase.pulled), (.kubelet, "", .failed),
        (.imageVolume, "sha256:1", .failed),
    ])
    func `an image without a program is there when the runtime tells its digest`(
        method: PullMethod,
        imageID: String,
        expected: ImagePhase
    ) {
        let pod = Self.pod([Self.ended(128, "StartError"), Self.ended(0)], method: method, imageID: imageID)
        #expect(Self.observe([pod]).images["r.example.com/a:1"]?.phase == expected)
    }

    @Test(arguments: [
        ("401 Unauthorized: unauthorized: authentication required", FailureCause.unauthorized, true),
        ("manifest unknown", .notFound, true), ("no match for platform in manifest", .architecture, true),
        ("dial tcp 10.0.0.1:443: i/o timeout", .network, false), ("429 Too Many Requests", .rateLimited, false),
        ("no space left on device", .disk, false),
    ])
    func `the first failed pull is final for some causes, the second for all`(
        message: String,
        cause: FailureCause,
        isFinal: Bool
    ) {
        let failing = Self.pod([Self.waiting("ErrImagePull", message), Self.ended(0)])
        let backingOff = Self.pod([Self.waiting("ImagePullBackOff", "Back-off pulling image"), Self.ended(0)])
        let first = Self.observe([failing]).images["r.example.com/a:1"]
        #expect(first?.failure?.cause == cause)
        #expect(first?.phase == (isFinal ? .failed : .pulling))
        let waits = Self.observe([failing, failing, backingOff]).images["r.example.com/a:1"]
        #expect(waits?.phase == (isFinal ? .failed : .pulling) && waits?.failure?.cause == cause)
        let second = Self.observe([failing, backingOff, failing]).images["r.example.com/a:1"]
        #expect(second?.phase == .failed && second?.failure?.cause == cause)
    }

    @Test(arguments: [
        "Back-off pulling image \"r.example.com/a:1\": ErrImagePull: pull QPS exceeded",
        "Back-off pulling image \"r.example.com/a:1\"",
    ])
    func `the kubelet's own limit is no failed pull`(backOff: String) {
        let throttled = Self.pod([Self.waiting("ErrImagePull", "pull QPS exceeded"), nil])
        let backingOff = Self.pod([Self.waiting("ImagePullBackOff", backOff), nil])
        let rounds = Self.observe([throttled, backingOff, throttled, backingOff, throttled, backingOff])
        let image = rounds.images["r.example.com/a:1"]
        #expect(image?.phase == .pulling && image?.failure?.cause == .rateLimited)
        // What fails of itself before or after counts as ever.
        let failing = Self.pod([Self.waiting("ErrImagePull", "dial tcp 10.0.0.1:443: connection refused"), nil])
        let once = Self.observe([failing, throttled, backingOff]).images["r.example.com/a:1"]
        #expect(once?.phase == .pulling && once?.failure?.cause == .network)
        let twice = Self.observe([failing, throttled, backingOff, failing]).images["r.example.com/a:1"]
        #expect(twice?.phase == .failed && twice?.failure?.cause == .network)
    }

    @Test(arguments: [("InvalidImageName", FailureCause.invalidReference), ("ErrImageNeverPull", .notFound)])
    func `reasons that leave nothing to wait for are final`(reason: String, cause: FailureCause) {
        let image = Self.observe([Self.pod([Self.waiting(reason), nil])]).images["r.example.com/a:1"]
        #expect(image?.phase == .failed && image?.failure?.cause == cause)
    }

    @Test(arguments: [
        "illegal base64 data at input byte 4",
        "unable to parse auth field, must be formatted as base64(username:password)",
        "json: cannot unmarshal number into Go value of type credentialprovider.dockerConfigEntryWithAuth",
    ])
    func `a Secret that the kubelet cannot read fails the image at once`(reason: String) {
        let image = Self.observe([Self.pod([Self.waiting(reason, reason), nil])]).images["r.example.com/a:1"]
        #expect(image?.phase == .failed && image?.failure?.cause == .unauthorized)
        #expect(image?.failure?.message == "The kubelet cannot read a pull Secret: \(reason)")
    }

    @Test func `a container that waits for the helper's own image does not fail its image`() {
        let first = "failed to pull and unpack image \"\(Self.helper)\": dial tcp 10.0.0.1:443: i/o timeout"
        let begun = Self.observe([Self.pod([Self.waiting("ErrImagePull", first), nil])])
        #expect(begun.images["r.example.com/a:1"] == .init(phase: .pulling) && begun.ending == nil)
        let message = "Back-off pulling image \"\(Self.helper)\": ErrImagePull: \(first)"
        let both = Self.waiting("ImagePullBackOff", message)
        let observation = Self.observe([Self.pod([both, both])])
        #expect(observation.images.count == 2)
        #expect(observation.images.values.allSatisfy { $0.phase == .pulled && $0.failure == nil })
        #expect(observation.ending?.cause == .helper)
        #expect(observation.ending?.message.contains("The helper image \(Self.helper) could not be pulled") == true)
    }

    @Test func `while an image's own volume is still tried, the helper does not end the attempt`() {
        let message = "Back-off pulling image \"\(Self.helper)\": ErrImagePull: i/o timeout"
        let volume = "failed to pull and unpack image \"r.example.com/b:1\": dial tcp: i/o timeout"
        let observation = Self.observe([
            Self.pod([Self.waiting("ImagePullBackOff", message), Self.waiting("ErrImagePull", volume)])
        ])
        #expect(observation.ending == nil)
        #expect(observation.images["r.example.com/a:1"]?.phase == .pulled)
    }

    @Test func `a helper image without the program, or for another machine, is the helper's failure`() {
        for message in [
            "failed to create containerd task: exec: \"/bin/busybox\": stat /bin/busybox: no such file or directory",
            "exec /bin/busybox: exec format error",
        ] {
            let one = Self.waiting("CreateContainerError", message)
            #expect(Self.observe([Self.pod([one, one])]).ending?.cause == .helper)
        }
    }

    @Test func `a Pod that was evicted or lost its node ends the attempt with that cause`() {
        let evicted = Self.pod([nil, Self.ended(0)], phase: .failed, reason: "Evicted")
        #expect(Self.observe([evicted]).ending?.cause == .evicted)
        let condition = Condition(
            type: "DisruptionTarget",
            status: .true,
            reason: "DeletionByTaintManager",
            message: "Taint manager: deleting due to NoExecute taint"
        )
        let tainted = Self.pod([nil, nil], phase: .failed, conditions: [condition])
        #expect(Self.observe([tainted]).ending?.cause == .evicted)
    }

    @Test func `a Pod that is removed because its node is gone says so`() {
        func pod(_ reason: String, _ message: String) -> Pod {
            let condition = Condition(type: "DisruptionTarget", status: .true, reason: reason, message: message)
            return Self.pod([nil, nil], phase: .failed, conditions: [condition])
        }
        func isNodeGone(_ pod: Pod) -> Bool {
            var observer = AttemptObserver(
                node: "n1",
                attempt: 1,
                helperImage: Self.helper,
                scrubber: CredentialScrubber()
            )
            observer.see(pod)
            return observer.isNodeGone
        }
        #expect(isNodeGone(pod("DeletionByPodGC", "PodGC: node no longer exists")))
        #expect(!isNodeGone(pod("DeletionByPodGC", "PodGC: node is out of service")))
        #expect(!isNodeGone(pod("EvictionByEvictionAPI", "Eviction API: evicting")))
    }

    @Test func `a Job whose Pod was refused to its end is asked about, and ends with the refusal`() {
        var observer = AttemptObserver(node: "n1", attempt: 1, helperImage: Self.helper, scrubber: CredentialScrubber())
        observer.see(Self.job(failed: "DeadlineExceeded"))
        #expect(observer.observation().ending == nil && observer.awaitsPod)
        let event = CoreEvent(
            metadata: ObjectMeta(name: "e"),
            involvedObject: ObjectReference(kind: "Job", name: "j"),
            reason: "FailedCreate",
            message:
                "Error creating: pods \"j-x\" is forbidden: exceeded quota: pods, requested: pods=1, limited: pods=0",
            component: "job-controller"
        )
        let obstacle = PodObstacle.obstacle(in: [event], CredentialScrubber())
        #expect(obstacle?.cause == .policyDenied && obstacle?.message.contains("exceeded quota") == true)
        observer.seeInspection(job: Self.job(failed: "DeadlineExceeded"), pod: nil, obstacle: obstacle)
        #expect(observer.observation().ending == obstacle)
    }

    @Test func `a Pod that waits for its node says what the scheduler says`() {
        let condition = Condition(
            type: "PodScheduled",
            status: .false,
            reason: "Unschedulable",
            message: "0/3 nodes are available: 1 node(s) were unschedulable."
        )
        var waiting = Self.pod([nil, nil], conditions: [condition])
        waiting.spec.nodeName = nil
        let obstacle = PodObstacle.obstacle(of: waiting, CredentialScrubber())
        #expect(obstacle?.cause == .timeout && obstacle?.message.contains("unschedulable") == true)
        waiting.spec.nodeName = "n1"
        #expect(PodObstacle.obstacle(of: waiting, CredentialScrubber()) == nil)
    }

    @Test func `a Job that is over waits for its Pod's last word`() {
        let pending = Self.pod([Self.waiting("ContainerCreating"), nil])
        #expect(Self.observe([pending], job: Self.job()).ending == nil)
        #expect(Self.observe([pending], job: Self.job(failed: "BackoffLimitExceeded")).ending == nil)
        #expect(Self.observe([pending], job: Self.job(failed: "DeadlineExceeded")).ending?.cause == .timeout)
        #expect(Self.observe([], job: Self.job(failed: "BackoffLimitExceeded")).ending == nil)
        var asked = AttemptObserver(node: "n1", attempt: 1, helperImage: Self.helper, scrubber: CredentialScrubber())
        asked.see(Self.job())
        #expect(asked.awaitsPod)
        asked.seeInspection(job: Self.job(), pod: nil)
        let last = asked.observation()
        #expect(!asked.awaitsPod && last.ending?.cause == .unknown)
        let over = Self.pod([Self.ended(0), Self.ended(0)], phase: .succeeded)
        let seen = Self.observe([over], job: Self.job())
        #expect(seen.images.values.allSatisfy { $0.phase == .pulled })
    }

    @Test func `a Pod that is gone is remembered as it was last`() {
        var observer = AttemptObserver(node: "n1", attempt: 1, helperImage: Self.helper, scrubber: CredentialScrubber())
        let last = Self.pod([Self.ended(0), Self.waiting("ErrImagePull", "connection refused")])
        observer.see(Self.pod([nil, nil]))
        observer.seePodGone(last)
        observer.see(Self.job(failed: "BackoffLimitExceeded"))
        let seen = observer.observation()
        #expect(seen.images["r.example.com/a:1"]?.phase == .pulled)
        #expect(seen.images["r.example.com/b:1"]?.failure?.cause == .network)
        #expect(seen.ending?.cause == .evicted)
    }

    @Test func `digests come from the container's image or from its volume`() {
        let kubelet = Self.pod([Self.ended(0), nil], method: .kubelet, imageID: "docker.io/library/a@sha256:abc")
        #expect(Self.observe([kubelet]).images["r.example.com/a:1"]?.digest == "sha256:abc")
        let volume = Self.pod([Self.ended(0), nil], imageID: "docker.io/library/busybox@sha256:helper")
        #expect(Self.observe([volume]).images["r.example.com/a:1"]?.digest == nil)
    }

    @Test func `secrets in a runtime's message are removed and long ones are cut`() {
        let message = "Get https://user:hunter22@r.example.com/v2/: " + String(repeating: "x", count: 5_000)
        let failure = Self.observe([Self.pod([Self.waiting("ErrImagePull", message), nil])])
            .images["r.example.com/a:1"]?.failure
        #expect(failure?.message.contains("hunter22") == false)
        #expect((failure?.message.utf8.count ?? 0) <= 600)
    }

    @Test(arguments: ["", "[", "{}", "[1,2]", "[\"a\"]"])
    func `a Pod whose annotation was edited is read without harm`(text: String) {
        var pod = Self.pod([Self.ended(0), Self.ended(0)])
        pod.metadata.annotations[PullTaskKeys.images] = text
        _ = Self.observe([pod], job: Self.job())
    }
}
