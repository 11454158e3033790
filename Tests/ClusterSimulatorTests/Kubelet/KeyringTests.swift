import Redaction
import Testing
import WireFormats

@testable import ClusterSimulator

@Suite struct KeyringTests {
    private func keyring(_ entries: (key: String, user: String)...) -> Keyring {
        var ring = Keyring()
        for (key, user) in entries {
            ring.add(key, Keyring.Credential(username: user, password: SecretBytes(utf8: "p"), source: "ns/s"))
        }
        return ring
    }

    @Test(arguments: [
        ("harbor.io", "harbor.io/ml/a", true),
        ("harbor.io", "harbor.io:443/ml/a", false),
        ("harbor.io:443", "harbor.io/ml/a", false),
        ("Harbor.io", "harbor.io/ml/a", false),
        ("https://harbor.io/v2/", "harbor.io/ml/a", true),
        ("http://harbor.io/v1/", "harbor.io/ml/a", true),
        ("harbor.io/ml", "harbor.io/ml/a", true),
        ("harbor.io/ml", "harbor.io/mlx/a", true),
        ("harbor.io/ml/", "harbor.io/mlx/a", false),
        ("*.io", "harbor.io/ml/a", true),
        ("*.harbor.io", "harbor.io/ml/a", false),
        ("*.harbor.io", "eu.harbor.io/ml/a", true),
        ("e*.harbor.io", "eu.west.harbor.io/ml/a", false),
        ("https://index.docker.io/v1/", "docker.io/library/nginx", true),
        ("index.docker.io", "nginx", true),
        ("index.docker.io", "localhost/nginx", true),
        ("docker.io", "docker.io/library/nginx", true),
        ("docker.io", "nginx", false),
        ("docker.io", "user/app", false),
        ("registry-1.docker.io", "docker.io/library/nginx", false),
        ("127.0.0.1:5000", "127.0.0.1:5000/a", true),
        ("127.0.0.1:5000", "127.0.0.1:5001/a", false),
    ])
    func `A key covers what the kubelet's keyring lets it cover`(_ key: String, _ image: String, _ expected: Bool) {
        #expect(keyring((key, "u")).credentials(for: image).isEmpty != expected)
    }

    @Test func `Longer keys are tried first and shorter ones after them`() {
        let ring = keyring(("h.io", "host"), ("h.io/ml", "project"), ("h.io/ml/deep", "deep"), ("other.io", "x"))
        #expect(ring.credentials(for: "h.io/ml/deep/a").map(\.username) == ["deep", "project", "host"])
        #expect(ring.credentials(for: "h.io/b").map(\.username) == ["host"])
    }

    @Test func `Secrets of other types and identity tokens alone are no credentials`() {
        func secret(_ type: String, _ auths: JSONValue) -> JSONValue {
            let content: JSONValue = ["auths": auths]
            return [
                "metadata": ["name": "s", "namespace": "ns"], "type": .string(type),
                "data": [".dockerconfigjson": .string(Base64.encode(content.serialized()))],
            ]
        }
        var ring = Keyring()
        ring.add(secret: secret("Opaque", ["h.io": ["username": "u", "password": "p"]]))
        #expect(ring.isEmpty)
        ring.add(secret: secret("kubernetes.io/dockerconfigjson", ["h.io": ["identitytoken": "t"]]))
        #expect(ring.credentials(for: "h.io/a").map(\.username) == [""])
        var second = Keyring()
        let auth = JSONValue.string(Base64.encode(Array("robot$ml:pa:ss".utf8)))
        second.add(secret: secret("kubernetes.io/dockerconfigjson", ["h.io": ["auth": auth]]))
        let found = second.credentials(for: "h.io/a")
        #expect(found.map(\.username) == ["robot$ml"])
        #expect(found.first?.password.exposeUTF8() == "pa:ss")
        #expect(found.first?.source == "ns/s")
    }

    @Test func `Broken content is ignored`() {
        for text in ["", "x", "[]", "{\"auths\":[]}", "{\"auths\":{\"h\":3}}", "{\"auths\":{\"h\":{\"auth\":\"!\"}}}"] {
            var ring = Keyring()
            ring.add(secret: [
                "type": "kubernetes.io/dockerconfigjson",
                "data": [".dockerconfigjson": .string(Base64.encode(Array(text.utf8)))],
            ])
            #expect(ring.credentials(for: "h/a").allSatisfy { $0.username.isEmpty }, "\(text)")
        }
    }
}
