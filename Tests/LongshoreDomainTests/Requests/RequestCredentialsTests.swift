import LongshoreDomain
import Redaction
import Testing
import WireFormats

@Suite("A request's credentials") struct RequestCredentialsTests {
    private func credentials(_ entries: JSONValue, channel: RequestChannel = .http) -> [String] {
        faults(["images": ["h.io/a:1"], "registryCredentials": entries], channel: channel)
    }

    @Test("are read in every form")
    func forms() throws {
        let request = try request(
            """
            {"images": ["a.io/x", "b.io/x", "c.io/x", "d.io/x", "e.io/x"], "registryCredentials": [
             {"registry": "a.io", "username": "u", "password": "p"}, {"registry": "b.io", "identityToken": "t"},
             {"registry": "c.io", "secretRef": {"name": "s"}}, {"dockerConfigJson": {"auths": {"d.io": {"auth": "dTpw"}}}},
             {"registry": "e.io", "sealed": {"keyId": "k1", "enc": "AAEC", "ciphertext": "AwQF"}}]}
            """
        )
        #expect(request.credentials.map(\.scope.key) == ["a.io", "b.io", "c.io", "d.io", "e.io"])
        guard case .basic("u", let password) = request.credentials[0].source,
            case .identityToken(let token) = request.credentials[1].source,
            case .secretRef("s") = request.credentials[2].source,
            case .basic("u", let other) = request.credentials[3].source,
            case .sealed(let box) = request.credentials[4].source
        else {
            Issue.record("other sources")
            return
        }
        #expect(password.exposeUTF8() == "p")
        #expect(token.exposeUTF8() == "t")
        #expect(other.exposeUTF8() == "p")
        #expect(box == SealedBox(keyID: "k1", encapsulatedKey: [0, 1, 2], ciphertext: [3, 4, 5]))
        #expect(try SealedBox(json: box.json) == box)
    }

    @Test(
        "that are incomplete or contradict themselves are refused",
        arguments: [
            ([:], ["/0 required", "/0/registry required"]),
            (["registry": "h.io"], ["/0 required"]),
            (["registry": "h.io", "username": "u"], ["/0/password required"]),
            (["registry": "h.io", "password": "p"], ["/0/username required"]),
            (["registry": "h.io", "username": "", "password": "p"], ["/0/username invalidValue"]),
            (["registry": "h.io", "username": "u:v", "password": "p"], ["/0/username invalidValue"]),
            (["registry": "h.io", "username": "u", "password": ""], ["/0/password invalidValue"]),
            (["registry": "h.io", "username": "u", "password": "p\n"], ["/0/password invalidValue"]),
            (["registry": "h.io", "username": "u", "password": "p\0"], ["/0/password invalidValue"]),
            (["registry": "h.io", "username": "u", "password": 5], ["/0/password wrongType"]),
            (
                ["registry": "h.io", "username": "u", "password": .string(String(repeating: "p", count: 8_193))],
                ["/0/password tooLong"]
            ),
            (["username": "u", "password": "p"], ["/0/registry required"]),
            (["registry": "harbor", "username": "u", "password": "p"], ["/0/registry invalidRegistry"]),
            (["registry": "*.io", "username": "u", "password": "p"], ["/0/registry invalidRegistry"]),
            (["registry": "h.io", "username": "u", "password": "p", "identityToken": "t"], ["/0 conflict"]),
            (["registry": "h.io", "identityToken": "t", "secretRef": ["name": "s"]], ["/0 conflict"]),
            (["registry": "h.io", "identityToken": "t\r\n"], ["/0/identityToken invalidValue"]),
            (["registry": "h.io", "identityToken": [:]], ["/0/identityToken wrongType"]),
            (["registry": "h.io", "secretRef": "s"], ["/0/secretRef wrongType"]),
            (["registry": "h.io", "secretRef": ["name": "S"]], ["/0/secretRef/name invalidValue"]),
            (["registry": "h.io", "secretRef": ["name": "../x"]], ["/0/secretRef/name invalidValue"]),
            (["registry": "h.io", "secretRef": ["name": "a/b"]], ["/0/secretRef/name invalidValue"]),
            (
                ["registry": "h.io", "secretRef": ["name": "s", "namespace": "n"]],
                ["/0/secretRef/namespace unknownField"]
            ),
            (["registry": "h.io", "secretRef": ["name": "longshore-sealing-keys"]], ["/0/secretRef/name notAllowed"]),
            (
                ["registry": "h.io", "secretRef": ["name": "pull-01h455vb4pex5vsknk084sn02q-0123abcd"]],
                ["/0/secretRef/name notAllowed"]
            ),
            (["registry": "h.io", "credential": "saved"], ["/0/credential notSupported"]),
            (
                ["registry": "h.io", "dockerConfigJson": ["auths": ["h.io": ["auth": "dTpw"]]]],
                ["/0/registry conflict"]
            ),
            (["dockerConfigJson": ["auths": [:]]], ["/0/dockerConfigJson/auths invalidDockerConfig"]),
            (["dockerConfigJson": 5], ["/0/dockerConfigJson invalidDockerConfig"]),
            (
                ["dockerConfigJson": ["auths": ["h.io": ["auth": "!"], "i.io": [:]]]],
                [
                    "/0/dockerConfigJson/auths/h.io/auth invalidDockerConfig",
                    "/0/dockerConfigJson/auths/i.io invalidDockerConfig",
                ]
            ),
            (
                ["registry": "h.io", "sealed": ["keyId": "k", "enc": "%", "ciphertext": ""]],
                ["/0/sealed/enc invalidValue", "/0/sealed/ciphertext invalidValue"]
            ),
            (
                ["registry": "h.io", "sealed": ["keyId": "a b", "enc": "AA==", "ciphertext": "AA=="]],
                ["/0/sealed/keyId invalidValue"]
            ),
            (
                ["registry": "h.io", "sealed": [:]],
                ["/0/sealed/keyId required", "/0/sealed/enc required", "/0/sealed/ciphertext required"]
            ),
            (
                ["registry": "h.io", "user": "u", "passwrod": "p"],
                ["/0/user unknownField", "/0/passwrod unknownField", "/0 required"]
            ),
            ("h.io", ["/0 wrongType"]),
        ] as [(JSONValue, [String])]
    )
    func refused(entry: JSONValue, expected: [String]) {
        #expect(credentials([entry]) == expected.map { "/registryCredentials" + $0 })
    }

    @Test("have each scope once, in whatever form it is written")
    func duplicates() {
        let entries: JSONValue = [
            ["registry": "docker.io", "username": "a", "password": "b"],
            ["registry": "https://index.docker.io/v1/", "identityToken": "t"],
            ["registry": "h.io/a", "secretRef": ["name": "s"]], ["registry": "h.io", "secretRef": ["name": "s"]],
            ["dockerConfigJson": ["auths": ["https://H.io": ["auth": "dTpw"]]]],
        ]
        #expect(
            credentials(entries) == [
                "/registryCredentials/1 duplicate",
                "/registryCredentials/4/dockerConfigJson/auths/https:~1~1H.io duplicate",
            ]
        )
    }

    @Test("are at most sixty-four, those inside a file counted")
    func tooMany() {
        let entries = JSONValue.array((0..<65).map { ["registry": .string("h\($0).io"), "secretRef": ["name": "s"]] })
        #expect(credentials(entries) == ["/registryCredentials tooMany"])
        let auths = JSONObject((0..<64).map { ("g\($0).io", ["auth": "dTpw"]) })
        #expect(
            credentials([
                ["dockerConfigJson": ["auths": .object(auths)]], ["registry": "h.io", "secretRef": ["name": "s"]],
            ])
                == ["/registryCredentials tooMany"]
        )
    }

    @Test("are dropped when no image can need them")
    func unneeded() throws {
        let request = try request(
            """
            {"images": ["h.io/ml/a"], "registryCredentials": [{"registry": "h.io", "username": "u", "password": "wide"},
             {"registry": "h.io/ml", "username": "u", "password": "narrow"}, {"registry": "g.io", "identityToken": "t"},
             {"registry": "s.io", "secretRef": {"name": "s"}}]}
            """
        )
        #expect(request.credentials.map(\.scope.key) == ["h.io/ml", "s.io"])
    }

    @Test(
        "that no image is pulled with are told, with the reason",
        arguments: [
            ("h.io/a", #"{"registry": "h.io:443", "username": "u", "password": "p"}"#, "/0", "another registry"),
            ("h.io:443/a", #"{"registry": "h.io", "identityToken": "t"}"#, "/0", "another registry"),
            ("h.io/a", #"{"registry": "other.io", "secretRef": {"name": "s"}}"#, "/0", "covers no image"),
            ("h.io/mlx/a", #"{"registry": "h.io/ml", "username": "u", "password": "p"}"#, "/0", "covers no image"),
            ("[::1]:5000/a", #"{"registry": "[::1]:5001", "identityToken": "t"}"#, "/0", "another registry"),
            (
                "h.io/a", #"{"dockerConfigJson": {"auths": {"h.io": {"auth": "dTpw"}, "x.io": {"auth": "dTpw"}}}}"#,
                "/0/dockerConfigJson/auths/x.io", "covers no image"
            ),
            (
                "h.io/a", #"{"registry": "h.io", "identityToken": "t"}, {"registry": "h.io/a", "identityToken": "t"}"#,
                "/0", "more specific"
            ),
        ]
    )
    func unusedTold(image: String, entries: String, pointer: String, detail: String) throws {
        let request = try request(#"{"images": ["\#(image)"], "registryCredentials": [\#(entries)]}"#)
        #expect(request.warnings.map(\.code) == [.unusedCredential])
        #expect(request.warnings.map(\.pointer.description) == ["/registryCredentials\(pointer)"])
        #expect(request.warnings.first?.detail.contains(detail) == true, "\(request.warnings)")
    }

    @Test("that images are pulled with, or may be once overrides have moved them, are not warned of")
    func noWarnings() throws {
        let credential = #"{"registry": "h.io", "username": "u", "password": "p"}"#
        #expect(
            try request(#"{"images": ["h.io/a", "x.io/b"], "registryCredentials": [\#(credential)]}"#).warnings.isEmpty
        )
        let moved = try request(
            """
            {"images": ["x.io/a"], "registryCredentials": [\(credential)], "overrides": [{"matchLabels": {"a": "b"},
             "images": [{"component": "registry", "operator": "replace", "value": "h.io"}]}]}
            """
        )
        #expect(moved.warnings.isEmpty && moved.credentials.count == 1)
        let own = try request(
            #"{"images": [{"image": "h.io/a", "secretRef": {"name": "s"}}], "registryCredentials": [\#(credential)]}"#
        )
        #expect(own.warnings.first?.detail.contains("Secret of its own") == true)
    }

    @Test("with a registry token are told to be of no use on nodes")
    func registryToken() throws {
        let request = try request(
            #"{"images": ["h.io/a"], "registryCredentials": [{"dockerConfigJson": {"auths": {"h.io": {"registrytoken": "t"}}}}]}"#
        )
        #expect(request.warnings.map(\.code) == [.unusableCredential])
        #expect(request.warnings.first?.pointer.description == "/registryCredentials/0/dockerConfigJson/auths/h.io")
    }

    @Test("for Docker Hub are refused where the kubelet would send them to localhost too")
    func bareHost() {
        let entry: JSONValue = [["registry": "docker.io", "username": "u", "password": "p"]]
        #expect(
            faults(["images": ["nginx", "localhost/x"], "registryCredentials": entry]) == [
                "/registryCredentials/0 conflict"
            ]
        )
        #expect(faults(["images": ["nginx", "localhost:80/x"], "registryCredentials": entry]) == [])
    }

    @Test("are refused in the clear on Kafka and in PullTasks, and nothing of them is quoted")
    func plaintext() throws {
        let canary = "c4n4ry"
        let entries: JSONValue = [
            ["registry": "a.io", "username": "u", "password": .string(canary)],
            ["registry": "b.io", "identityToken": .string(canary)],
            ["dockerConfigJson": ["auths": ["c.io": ["password": .string(canary)]]]],
            ["registry": "d.io", "secretRef": ["name": "s"]],
        ]
        for channel in [RequestChannel.kafka, .pullTask] {
            let error = #expect(throws: RequestFaults.self) {
                try TaskRequest.parse(
                    [
                        "images": ["a.io/x"], "registryCredentials": entries, "username": "u",
                        "password": .string(canary),
                    ],
                    channel: channel
                )
            }
            #expect(
                error?.faults.map { "\($0.pointer) \($0.code)" } == [
                    "/registryCredentials/0/password plaintextCredentialNotAllowed",
                    "/registryCredentials/1/identityToken plaintextCredentialNotAllowed",
                    "/registryCredentials/2/dockerConfigJson plaintextCredentialNotAllowed",
                    "/password plaintextCredentialNotAllowed",
                ]
            )
            #expect(error?.containsPlaintextCredential == true)
            #expect(error.map { "\($0)".contains(canary) } == false)
        }
        #expect(
            faults(["images": ["a"], "password": "p"], channel: .kafka) == ["/password plaintextCredentialNotAllowed"]
        )
    }

    @Test("may be sealed on HTTP and Kafka and not in a PullTask")
    func sealedChannels() {
        let entry: JSONValue = [["registry": "h.io", "sealed": ["keyId": "k", "enc": "AA==", "ciphertext": "AA=="]]]
        #expect(credentials(entry, channel: .http) == [])
        #expect(credentials(entry, channel: .kafka) == [])
        #expect(credentials(entry, channel: .pullTask) == ["/registryCredentials/0/sealed notSupported"])
    }

    @Test("can be read one by one")
    func oneEntry() throws {
        let read = try RegistryCredential.parse(["registry": "https://h.io/v2/", "username": "u", "password": "p"])
        #expect(read.map(\.scope.key) == ["h.io"])
        let error = #expect(throws: RequestFaults.self) { try RegistryCredential.parse(["registry": "h.io"]) }
        #expect(error?.faults.map(\.code) == ["required"])
    }

    // MARK: The older form

    @Test("may be given once for all, as older clients do")
    func flat() throws {
        let request = try request(
            """
            {"images": ["harbor.example.com/a:1", "harbor.example.com/b:1"], "batchSize": 10, "priority": 5,
             "nodeSelector": {"workload": "gpu"}, "maxRetries": 3, "retryStrategy": "exponential", "retryDelay": 30,
             "webhookUrl": "http://ci.example.com/hook", "registry": "harbor.example.com", "username": "admin",
             "password": "Harbor12345"}
            """
        )
        #expect(request.credentials.map(\.scope.key) == ["harbor.example.com"])
        guard case .basic("admin", let password)? = request.credentials.first?.source else {
            Issue.record("no account")
            return
        }
        #expect(password.exposeUTF8() == "Harbor12345")
        #expect(request.maxRetries == 3)
    }

    @Test("given once without a registry are for the images' one registry")
    func flatWithoutRegistry() throws {
        let one = try request(#"{"images":["nginx","bitnami/redis"],"username":"u","password":"p"}"#)
        #expect(one.credentials.map(\.scope.key) == ["docker.io"])
        #expect(
            faults(["images": ["nginx", "h.io/a"], "username": "u", "password": "p"]) == [
                "/registry ambiguousCredential"
            ]
        )
        #expect(faults(["images": ["nginx", "docker.io/x/y"], "username": "u", "password": "p"]) == [])
    }

    @Test("given once have their own faults, and empty fields mean none")
    func flatFaults() throws {
        #expect(faults(["images": ["a"], "username": "u"]) == ["/password required"])
        #expect(faults(["images": ["a"], "password": "p"]) == ["/username required"])
        #expect(faults(["images": ["a"], "registry": "x y"]) == ["/registry invalidRegistry"])
        #expect(faults(["images": ["a"], "registry": "h.io"]) == [])
        #expect(
            try request(
                #"{"images":["a"],"batchSize":1,"retryStrategy":"","webhookUrl":"","registry":"","username":"","password":""}"#
            ).credentials.isEmpty
        )
        #expect(
            faults([
                "images": ["h.io/a"], "registry": "h.io", "username": "u", "password": "p",
                "registryCredentials": [["registry": "h.io", "identityToken": "t"]],
            ]) == ["/registry duplicate"]
        )
    }
}
