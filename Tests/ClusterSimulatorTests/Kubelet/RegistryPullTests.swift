import ClusterSimulator
import OCIRegistry
import Redaction
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(2))) struct RegistryPullTests {
    private static let client = try? RegistryClient()

    private func image(_ text: String, architecture: String = "amd64") -> BuiltImage {
        BuiltImage(
            layers: [[TarFile(path: "a.txt", bytes: Array("\(text)".utf8))], [TarFile(path: "b", bytes: [1, 2, 3])]],
            platform: OCIPlatform(os: "linux", architecture: architecture)
        )
    }

    private func secret(_ name: String, _ host: String, _ user: String, _ password: String) -> String {
        let auths: JSONValue = ["auths": [host: ["username": .string(user), "password": .string(password)]]]
        let json: JSONValue = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": .string(name)],
            "type": "kubernetes.io/dockerconfigjson", "stringData": [".dockerconfigjson": .string(auths.text())],
        ]
        return json.text()
    }

    private func basic(_ user: String, _ password: String) -> RegistryCredential {
        .basic(username: user, password: SecretBytes(utf8: password))
    }

    /// As containerd does: a form first, then the query; and in its words.
    @Test func `A token server that refuses is what the Pod says, and not the image`() async throws {
        for (form, query, words) in [
            (404, 404, "404 Not Found"), (401, 401, "401 Unauthorized"), (400, 503, "503 Service"),
        ] {
            let server = try ScriptedHTTPServer { request, connection in
                if request.target.hasPrefix("/token") {
                    connection.respond(status: request.method == "POST" ? form : query)
                } else {
                    let realm = "http://\(request.header("Host") ?? "")/token"
                    connection.respond(status: 401, headers: [("WWW-Authenticate", "Bearer realm=\"\(realm)\"")])
                }
            }
            defer { server.stop() }
            let host = "127.0.0.1:\(server.port)"
            try await SimulatorHarness.run(.with { $0.pulls = .registry }) { harness in
                try harness.simulator.apply(manifest: secret("s1", host, "anna", "apple"))
                let job = imageVolumeJob("j", node: "node-1", images: ["\(host)/x/a:1"], secrets: ["s1"])
                try harness.simulator.apply(manifest: job)
                let pod = try await harness.waitForPod(ofJob: "j", "the failure") { pod in
                    SimulatorHarness.waiting(pod, 0)?["message"]?.string?.contains("failed to authorize") == true
                }
                let message = SimulatorHarness.waiting(pod, 0)?["message"]?.string ?? ""
                let url = "http://\(host)/token?scope=repository%3Ax%2Fa%3Apull"
                #expect(
                    message.contains(
                        "failed to fetch oauth token: unexpected status from GET request to \(url): \(words)"
                    ),
                    "\(message)"
                )
            }
            let asked = server.requests.filter { $0.target.hasPrefix("/token") }
            #expect(asked.prefix(2).map(\.method) == ["POST", "GET"])
            #expect(asked.first?.text.contains("grant_type=password") == true)
        }
    }

    /// As containerd does: the host behind the redirect gives an anonymous token, the registry's credential stays with it.
    @Test func `A public image behind a redirect is pulled, and the other host learns no credential`() async throws {
        let built = image("redirected")
        let other = try ScriptedHTTPServer { request, connection in
            if request.target.hasPrefix("/token") {
                connection.respond(body: Array(#"{"token":"token-of-b"}"#.utf8))
            } else if request.header("Authorization") != "Bearer token-of-b" {
                let realm = "http://\(request.header("Host") ?? "")/token"
                connection.respond(status: 401, headers: [("WWW-Authenticate", "Bearer realm=\"\(realm)\"")])
            } else if request.target.contains("/manifests/") {
                connection.respond(headers: [("Content-Type", built.descriptor.mediaType)], body: built.manifest)
            } else {
                let blobs = [built.config] + built.layers
                let blob = blobs.first { request.target.hasSuffix(OCIDigest(of: $0).description) }
                connection.respond(status: blob == nil ? 404 : 200, body: blob ?? [])
            }
        }
        defer { other.stop() }
        let server = try ScriptedHTTPServer { request, connection in
            if request.header("Authorization") == nil {
                connection.respond(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"a\"")])
            } else {
                connection.respond(status: 307, headers: [("Location", other.url(request.target))])
            }
        }
        defer { server.stop() }
        let host = "127.0.0.1:\(server.port)"
        try await SimulatorHarness.run(.with { $0.pulls = .registry }) { harness in
            try harness.simulator.apply(manifest: secret("s1", host, "anna", "apple"))
            let job = imageVolumeJob("j", node: "node-1", images: ["\(host)/x/a:1"], secrets: ["s1"])
            try harness.simulator.apply(manifest: job)
            let pod = try await harness.waitForPod(ofJob: "j", "the end") { pod in
                SimulatorHarness.phase(pod) == "Succeeded"
                    || ["ErrImagePull", "ImagePullBackOff"].contains(
                        SimulatorHarness.waiting(pod, 0)?["reason"]?.string
                    )
            }
            #expect(SimulatorHarness.phase(pod) == "Succeeded", "\(pod)")
        }
        #expect(Set(other.requests.map { $0.header("Authorization") }) == [nil, "Bearer token-of-b"])
        #expect(server.requests.allSatisfy { $0.header("Authorization")?.hasPrefix("Bearer") != true })
    }

    @Test func `Two registries with two credentials are pulled from in one Pod, and a wrong one says so`() async throws
    {
        let client = try #require(Self.client)
        let one = try await RegistryServer(accounts: ["anna": "apple"])
        let two = try await RegistryServer(accounts: ["bert": "berry"])
        let first = try await client.push(
            image("1"),
            host: one.host,
            repository: "x/a",
            tag: "1",
            credential: basic("anna", "apple")
        )
        try await client.push(
            image("2"),
            host: two.host,
            repository: "y/b",
            tag: "1",
            credential: basic("bert", "berry")
        )
        try await SimulatorHarness.run(
            .with {
                $0.pulls = .registry
                $0.nodes = NodeTemplate.numbered(2)
            }
        ) { harness in
            let simulator = harness.simulator
            try simulator.apply(manifest: secret("s1", one.host, "anna", "apple"))
            try simulator.apply(manifest: secret("s2", two.host, "bert", "wrong"))
            let images = ["\(one.host)/x/a:1", "\(two.host)/y/b:1", "\(one.host)/x/missing:1", "not a reference"]
            try simulator.apply(manifest: imageVolumeJob("j", node: "node-2", images: images, secrets: ["s1", "s2"]))
            let pod = try await harness.waitForPod(ofJob: "j", "the outcomes") { pod in
                [1, 2, 3].allSatisfy {
                    SimulatorHarness.waiting(pod, $0)?["reason"]?.string?.contains("Creating") == false
                }
            }
            let good = pod[path: "status", "containerStatuses"]?[0]?[path: "state", "terminated"]
            #expect(good?["exitCode"] == 0)
            let wrong = SimulatorHarness.waiting(pod, 1)
            #expect(["ErrImagePull", "ImagePullBackOff"].contains(wrong?["reason"]?.string))
            #expect(wrong?["message"]?.string?.contains("401 Unauthorized") == true)
            #expect(SimulatorHarness.waiting(pod, 2)?["message"]?.string?.contains("not found") == true)
            #expect(SimulatorHarness.waiting(pod, 3)?["reason"] == "InvalidImageName")
            #expect(SimulatorHarness.phase(pod) == "Pending")
            #expect(pod.text().contains("berry") == false)

            let stored = await simulator.images(on: "node-2").first { $0.names == ["\(one.host)/x/a:1"] }
            #expect(stored?.digest == first.digest.description)
            #expect(stored?.blobs.count == 3)
            #expect(await simulator.hasImage(images[0], on: "node-1") == false)

            // The kubelet reads the Secret again at each attempt.
            try simulator.apply(manifest: secret("s2", two.host, "bert", "berry"))
            let healed = try await harness.waitForPod(ofJob: "j", "the next attempt") {
                $0[path: "status", "containerStatuses"]?[1]?[path: "state", "terminated"] != nil
            }
            #expect(SimulatorHarness.waiting(healed, 2) != nil)
            let reported = try await waitForValue("the node's status") { () -> [JSONValue]? in
                let images = simulator.object("nodes", name: "node-2")?[path: "status", "images"]?.array ?? []
                return images.count == 3 ? images : nil
            }
            let names = reported.flatMap { $0["names"]?.array ?? [] }
            #expect(names.contains(.string("\(one.host)/x/a:1")))
            #expect(names.contains(.string("\(one.host)/x/a@\(first.digest)")))
        }
        await one.stop()
        await two.stop()
    }

    @Test func `A Secret that cannot be read stops all pulls of its Pod, with the error as the reason`() async throws {
        try await SimulatorHarness.run(.with { $0.timings.pullBackOffInitial = .milliseconds(100) }) { harness in
            let simulator = harness.simulator
            func secret(_ auth: String) -> String {
                #"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"type":"kubernetes.io/dockercfg","#
                    + #""stringData":{".dockercfg":"{\"x.io\":{\"auth\":\"\#(auth)\"}}"}}"#
            }
            try simulator.apply(manifest: secret("pants"))
            try simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: ["h.io/a:1"], secrets: ["s"]))
            let pod = try await harness.waitForPod(ofJob: "j", "the refusal") {
                SimulatorHarness.waiting($0, 0)?["reason"]?.string?.contains("base64") == true
            }
            #expect(SimulatorHarness.waiting(pod, 0)?["reason"] == "illegal base64 data at input byte 4")
            #expect(
                simulator.objects("events").contains { $0["message"] == "Error: illegal base64 data at input byte 4" }
            )
            try simulator.apply(manifest: secret("Zm9vOmJhcg"))
            _ = try await harness.waitForPod(ofJob: "j", "the pull") { SimulatorHarness.phase($0) == "Succeeded" }
        }
    }

    @Test func `Back-off follows a failed pull, doubling`() async throws {
        try await SimulatorHarness.run(.with { $0.timings.pullBackOffInitial = .milliseconds(100) }) { harness in
            let simulator = harness.simulator
            await simulator.addImageFault(ImageFault(.rateLimited, imagePrefix: "h.io/", count: 3))
            try simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: ["h.io/a:1"]))
            let pod = try await harness.waitForPod(ofJob: "j", "the back-off") {
                SimulatorHarness.waiting($0, 0)?["reason"] == "ImagePullBackOff"
            }
            let message = SimulatorHarness.waiting(pod, 0)?["message"]?.string ?? ""
            #expect(
                message.hasPrefix(
                    "Back-off pulling image \"h.io/a:1\": ErrImagePull: rpc error: code = Unknown desc = failed to pull and unpack image \"h.io/a:1\": failed to resolve reference"
                )
            )
            #expect(message.contains("429 Too Many Requests"))
            _ = try await harness.waitForPod(ofJob: "j", "the fourth attempt") {
                SimulatorHarness.phase($0) == "Succeeded"
            }
            let pulling = simulator.objects("events").first {
                $0["reason"] == "Pulling" && $0["message"] == "Pulling image \"h.io/a:1\""
            }
            #expect(pulling?["count"] == 4)
        }
    }

    @Test func `What a policy or schema 1 forbids is refused in the words of containerd`() async throws {
        let registry = try ScriptedHTTPServer { request, connection in
            if request.target.contains("/policy/") {
                _ = connection.respond(status: 412)
            } else {
                let type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
                let body = Array(#"{"schemaVersion":1,"fsLayers":[]}"#.utf8)
                _ = connection.respond(headers: [("Content-Type", type)], body: body)
            }
        }
        defer { registry.stop() }
        let images = ["\(registry.host):\(registry.port)/policy/a:1", "\(registry.host):\(registry.port)/old/a:1"]
        try await SimulatorHarness.run(.with { $0.pulls = .registry }) { harness in
            try harness.simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: images))
            let pod = try await harness.waitForPod(ofJob: "j", "the refusals") { pod in
                [0, 1].allSatisfy { SimulatorHarness.waiting(pod, $0)?["message"]?.string?.isEmpty == false }
            }
            let messages = [0, 1].map { SimulatorHarness.waiting(pod, $0)?["message"]?.string ?? "" }
            #expect(messages[0].contains(": 412 Precondition Failed"))
            #expect(messages[1].contains("is no longer supported since containerd v2.1"))
        }
    }

    @Test func `An index gives each node its platform, and a platform that is missing is an error`() async throws {
        let client = try #require(Self.client)
        let registry = try await RegistryServer()
        let arm = image("arm", architecture: "arm64")
        let index = try await client.push(index: [image("amd"), arm], host: registry.host, repository: "m", tag: "1")
        try await client.push(index: [image("only amd")], host: registry.host, repository: "n", tag: "1")
        let nodes = [NodeTemplate(name: "arm-1", architecture: "arm64")]
        try await SimulatorHarness.run(
            .with {
                $0.pulls = .registry
                $0.nodes = nodes
            }
        ) { harness in
            let names = ["\(registry.host)/m:1", "\(registry.host)/n:1", "\(registry.host)/m@\(index)"]
            try harness.simulator.apply(manifest: imageVolumeJob("j", node: "arm-1", images: names))
            let pod = try await harness.waitForPod(ofJob: "j", "the outcomes") {
                $0[path: "status", "containerStatuses"]?[2]?[path: "state", "terminated"] != nil
            }
            let waiting = SimulatorHarness.waiting(pod, 1)
            #expect(waiting?["message"]?.string?.contains("no match for platform in manifest: not found") == true)
            let stored = await harness.simulator.images(on: "arm-1").first { $0.digest == index.description }
            #expect(stored?.manifestDigest == arm.descriptor.digest.description)
        }
        await registry.stop()
    }

    @Test func `A layer that is not what its digest says is refused`() async throws {
        let client = try #require(Self.client)
        let registry = try await RegistryServer()
        let image = image("corrupt")
        try await client.push(image, host: registry.host, repository: "c", tag: "1")
        try registry.corruptBlob(OCIDigest(of: image.layers[0]).description)
        try await SimulatorHarness.run(.with { $0.pulls = .registry }) { harness in
            try harness.simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: ["\(registry.host)/c:1"]))
            let pod = try await harness.waitForPod(ofJob: "j", "the refusal") {
                SimulatorHarness.waiting($0, 0)?["message"] != nil
            }
            #expect(SimulatorHarness.waiting(pod, 0)?["message"]?.string?.contains("unexpected commit digest") == true)
            #expect(await harness.simulator.hasImage("\(registry.host)/c:1", on: "node-1") == false)
        }
        await registry.stop()
    }

    @Test func `Cancelling a Pod stops its pull and lets the next one go`() async throws {
        try await SimulatorHarness.run { harness in
            let simulator = harness.simulator
            await simulator.addImageFault(ImageFault(.hang, imagePrefix: "h.io/slow"))
            try simulator.apply(manifest: imageVolumeJob("slow", node: "node-1", images: ["h.io/slow:1"]))
            _ = try await harness.waitForPod(ofJob: "slow", "the pull") {
                $0[path: "status", "containerStatuses"] != nil
            }
            try simulator.apply(manifest: imageVolumeJob("next", node: "node-1", images: ["h.io/next:1"]))
            let next = try await harness.waitForPod(ofJob: "next", "its turn") {
                $0[path: "status", "containerStatuses"] != nil
            }
            #expect(SimulatorHarness.waiting(next, 0)?["reason"] == "ContainerCreating")
            try await harness.kubectl("delete", "job", "slow")
            _ = try await harness.waitForPod(ofJob: "next", "success") { SimulatorHarness.phase($0) == "Succeeded" }
        }
    }

    @Test func `A full disk fails pulls and taints the node`() async throws {
        try await SimulatorHarness.run { harness in
            let simulator = harness.simulator
            await simulator.addImageFault(ImageFault(.diskFull))
            try simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: ["h.io/a:1"]))
            let pod = try await harness.waitForPod(ofJob: "j", "the failure") {
                SimulatorHarness.waiting($0, 0)?["message"] != nil
            }
            #expect(SimulatorHarness.waiting(pod, 0)?["message"]?.string?.contains("no space left on device") == true)
            await simulator.setDiskFull("node-1", true)
            let taints = simulator.object("nodes", name: "node-1")?[path: "spec", "taints"]
            #expect(taints?[0]?["key"] == "node.kubernetes.io/disk-pressure")
            await simulator.evictPods(on: "node-1")
            let evicted = try await harness.waitForPod(ofJob: "j", "the eviction") {
                $0[path: "status", "reason"] == "Evicted"
            }
            #expect(SimulatorHarness.phase(evicted) == "Failed")
        }
    }

    @Test
    func `The kubelet strategy runs a copied busybox in the image, and an image without it still counts as pulled`()
        async throws
    {
        try await SimulatorHarness.run { harness in
            try harness.simulator.apply(
                manifest: """
                    apiVersion: v1
                    kind: Pod
                    metadata: {name: p}
                    spec:
                      restartPolicy: Never
                      securityContext: {runAsNonRoot: true, runAsUser: 65532}
                      initContainers:
                      - name: copy
                        image: docker.io/library/busybox:1.37.0-musl
                        command: [/bin/busybox, cp, /bin/busybox, /longshore/busybox]
                        volumeMounts: [{name: tools, mountPath: /longshore}]
                      containers:
                      - name: image-0
                        image: h.io/scratch:1
                        command: [/longshore/busybox, "true"]
                        volumeMounts: [{name: tools, mountPath: /longshore, readOnly: true}]
                      - name: image-1
                        image: h.io/other:1
                        command: [/bin/true]
                      - name: image-2
                        image: h.io/never:1
                        imagePullPolicy: Never
                      volumes: [{name: tools, emptyDir: {}}]
                    """
            )
            let pod = try await waitForValue("the containers") { () -> JSONValue? in
                guard let pod = harness.object("pods", "p"),
                    SimulatorHarness.waiting(pod, 2)?["reason"] == "ErrImageNeverPull"
                else { return .none }
                return pod
            }
            let statuses = pod[path: "status", "containerStatuses"]
            #expect(statuses?[0]?[path: "state", "terminated"]?["reason"] == "Completed")
            let error = statuses?[1]?[path: "state", "terminated"]
            #expect(error?["reason"] == "StartError")
            #expect(error?["exitCode"] == 128)
            #expect(statuses?[1]?["imageID"]?.string?.hasPrefix("h.io/other@sha256:") == true)
        }
    }

    @Test func `An image pulled with a credential is not for Pods without one`() async throws {
        let client = try #require(Self.client)
        let registry = try await RegistryServer(accounts: ["anna": "apple"])
        try await client.push(
            image("1"),
            host: registry.host,
            repository: "a",
            tag: "1",
            credential: basic("anna", "apple")
        )
        try await SimulatorHarness.run(.with { $0.pulls = .registry }) { harness in
            let simulator = harness.simulator
            try simulator.apply(manifest: secret("s", registry.host, "anna", "apple"))
            let image = "\(registry.host)/a:1"
            try simulator.apply(manifest: imageVolumeJob("with", node: "node-1", images: [image], secrets: ["s"]))
            _ = try await harness.waitForPod(ofJob: "with", "the pull") { SimulatorHarness.phase($0) == "Succeeded" }
            try simulator.apply(manifest: imageVolumeJob("without", node: "node-1", images: [image], secrets: ["gone"]))
            let pod = try await harness.waitForPod(ofJob: "without", "the refusal") {
                SimulatorHarness.waiting($0, 0)?["message"] != nil
            }
            #expect(SimulatorHarness.waiting(pod, 0)?["message"]?.string?.contains("401") == true)
            let reasons = harness.eventReasons(pod[path: "metadata", "name"]?.string ?? "")
            #expect(reasons.contains("FailedToRetrieveImagePullSecret"))
        }
        await registry.stop()
    }
}
