import LongshoreDomain
import LongshoreMessages
import Redaction
import Testing
import WireFormats

@Suite("Docker configurations")
struct DockerConfigTests {
    private static func written(
        _ credentials: [(String, PlainCredential)],
        images: [String] = []
    ) throws -> JSONValue {
        let secret = DockerConfig.json(
            for: try credentials.map { (try RegistryScope(parsing: $0.0), $0.1) },
            images: try images.map { try ImageReference(parsing: $0) }
        )
        return try JSONValue(parsing: secret.exposeBytes())
    }

    private static let robot = PlainCredential.basic(username: "robot", password: SecretBytes(utf8: "p:w"))

    @Test("hold user name, password and both in base64")
    func basic() throws {
        let json = try Self.written([("harbor.example.com/ml", Self.robot)])
        #expect(
            json == [
                "auths": ["harbor.example.com/ml": ["username": "robot", "password": "p:w", "auth": "cm9ib3Q6cDp3"]]
            ]
        )
    }

    @Test(
        "name Docker Hub as the kubelet finds it",
        arguments: ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"]
    )
    func dockerHub(scope: String) throws {
        let json = try Self.written([(scope, Self.robot)], images: ["nginx", "user/app:1"])
        #expect(json["auths"]?.object?.keys == ["https://index.docker.io/v1/"])
    }

    @Test("keep a path to whole segments, since the kubelet compares plain text")
    func paths() throws {
        let json = try Self.written([("harbor.example.com/ml", Self.robot)], images: ["harbor.example.com/ml/train:v1"])
        #expect(json["auths"]?.object?.keys == ["harbor.example.com/ml/"])
        let exact = try Self.written([("harbor.example.com/ml", Self.robot)], images: ["harbor.example.com/ml:v1"])
        #expect(exact["auths"]?.object?.keys == ["harbor.example.com/ml"])
    }

    @Test("hold an identity token in the two ways in which it is read")
    func identityToken() throws {
        let json = try Self.written([("ghcr.io", .identityToken(SecretBytes(utf8: "tok")))])
        let entry = try #require(json["auths"]?["ghcr.io"])
        #expect(entry["identitytoken"] == "tok")
        #expect(entry["username"] == "00000000-0000-0000-0000-000000000000")
        #expect(entry["password"] == "tok")
    }

    @Test("pass a configuration's own entry on")
    func passesOn() throws {
        let own = SecretBytes(utf8: #"{"auths":{"ghcr.io":{"registrytoken":"abc"}}}"#)
        let json = try Self.written([("ghcr.io", .dockerConfigJSON(own))])
        #expect(json == ["auths": ["ghcr.io": ["registrytoken": "abc"]]])
    }

    @Test("come back as they were written")
    func roundTrip() throws {
        let scope = try RegistryScope(parsing: "harbor.example.com:8443/ml")
        let secret = DockerConfig.json(for: [(scope, Self.robot)])
        let parsed = try DockerConfig.parse(secret)
        #expect(parsed.map(\.scope) == [scope])
        #expect(parsed.map(\.credential) == [Self.robot])
        #expect(DockerConfig.json(for: [(scope, Self.robot)]) == secret)
    }

    @Test(
        "are refused without quoting when they are none",
        arguments: [
            "", "hunter2", "{}", #"{"auths":{}}"#, #"{"auths":[]}"#, #"{"auths":{"ghcr.io":{}}}"#,
            #"{"auths":{"ghcr.io":{"auth":"hunter2"}}}"#,
            #"{"auths":{"ghcr.io":{"auth":"aHVudGVyMg=="}}}"#,
            #"{"auths":{"hunter2":{"username":"a","password":"b"}}}"#,
            #"{"auths":{"ghcr.io":{"username":"a:hunter2","password":"b"}}}"#,
            #"{"auths":{"ghcr.io":{"username":"a","password":"hunter2\n"}}}"#,
        ]
    )
    func refuse(text: String) {
        let error = #expect(throws: DockerConfigurationFile.Problems.self) {
            try DockerConfig.parse(SecretBytes(utf8: text))
        }
        #expect(error.map { !"\($0)".contains("hunter2") } == true)
    }

    @Test("hold credentials that a sealed box can hold, too")
    func sealedForms() throws {
        let credentials = [
            Self.robot, .identityToken(SecretBytes(utf8: "tok\"en")),
            .dockerConfigJSON(SecretBytes(utf8: #"{"auths":{"ghcr.io":{"registrytoken":"abc"}}}"#)),
        ]
        for credential in credentials { #expect(PlainCredential(sealedForm: credential.sealedForm) == credential) }
        let object = SecretBytes(utf8: #"{"dockerConfigJson":{"auths":{"ghcr.io":{"username":"a","password":"b"}}}}"#)
        #expect(PlainCredential(sealedForm: object) != nil)
        for text in [
            "", "x", "{}", "[]", #"{"username":"a"}"#, #"{"username":"a:b","password":"c"}"#,
            #"{"username":"","password":"c"}"#,
            #"{"username":"a","password":"c\n"}"#, #"{"identityToken":""}"#, #"{"dockerConfigJson":{}}"#,
            #"{"identityToken":7}"#,
        ] {
            #expect(PlainCredential(sealedForm: SecretBytes(utf8: text)) == nil, "\(text)")
        }
    }

    @Test("are made of what a request holds in the clear, and of nothing else")
    func sources() {
        #expect(PlainCredential(.basic(username: "robot", password: SecretBytes(utf8: "p:w"))) == Self.robot)
        #expect(PlainCredential(.secretRef(name: "x")) == nil)
        #expect(PlainCredential(.sealed(Fixtures.box(1))) == nil)
        #expect(!"\(Self.robot)".contains("p:w"))
    }
}
