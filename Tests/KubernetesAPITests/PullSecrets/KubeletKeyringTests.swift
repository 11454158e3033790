import Redaction
import Testing
import WireFormats

@testable import KubernetesAPI

/// The cases of the kubelet's own tests (`pkg/credentialprovider/keyring_test.go`), and what was tried with its keyring.
@Suite struct KubeletKeyringTests {
    private func keyring(_ entries: (key: String, user: String)...) -> KubeletKeyring {
        var ring = KubeletKeyring()
        for (key, user) in entries {
            ring.add(key, KubeletKeyring.Credential(username: user, password: SecretBytes(utf8: "p"), source: "ns/s"))
        }
        return ring
    }

    private func users(_ ring: KubeletKeyring, _ image: String) -> [String] {
        ring.credentials(for: image).map(\.username)
    }

    @Test(arguments: [
        // TestUrlsMatch
        ("*.kubernetes.io", "prefix.kubernetes.io", true),
        ("prefix.*.io", "prefix.kubernetes.io", true),
        ("prefix.kubernetes.*", "prefix.kubernetes.io", true),
        ("*-good.kubernetes.io", "prefix-good.kubernetes.io", true),
        ("*.kubernetes.io/blah", "prefix.kubernetes.io/blah", true),
        ("prefix.*.io/foo", "prefix.kubernetes.io/foo/bar", true),
        ("*.kubernetes.io:1111/blah", "prefix.kubernetes.io:1111/blah", true),
        ("prefix.*.io:1111/foo", "prefix.kubernetes.io:1111/foo/bar", true),
        ("*.kubernetes.io", "kubernetes.io", false),
        ("*.*.kubernetes.io", "prefix.kubernetes.io", false),
        ("*.*.kubernetes.io", "kubernetes.io", false),
        ("kubernetes.io", "kubernetes.com", false),
        ("k*.io", "quay.io", false),
        ("*.kubernetes.io:1234/blah", "prefix.kubernetes.io:1111/blah", false),
        ("prefix.*.io/foo", "prefix.kubernetes.io:1111/foo/bar", false),
        // TestDockerKeyringForGlob
        ("https://hello.kubernetes.io", "hello.kubernetes.io/foo/bar", true),
        ("https://*.docker.io", "prefix.docker.io/foo/bar", true),
        ("https://prefix.docker.*/path", "prefix.docker.io/path/foo/bar", true),
        ("https://*.docker.io:8888", "prefix.docker.io:8888/foo/bar", true),
        ("https://*.docker.io/path:1111", "prefix.docker.io/path:1111/foo/bar", true),
        ("https://*.docker.io/v1/", "prefix.docker.io/path:1111/foo/bar", true),
        ("https://*.docker.io/v2/", "prefix.docker.io/path:1111/foo/bar", true),
        ("prefix.docker.io:1111", "prefix.docker.io:1111/path/foo/bar", true),
        // TestKeyringMiss
        ("https://hello.kubernetes.io", "world.mesos.org/foo/bar", false),
        ("https://*.docker.com", "prefix.docker.io/foo/bar", false),
        ("https://prefix.docker.c*", "prefix.docker.io/foo/bar", false),
        ("https://prefix.*.io/path:1111", "prefix.docker.io/path/subpath:1111/foo/bar", false),
        ("https://index.docker.io/v1/", "world.mesos.org/foo/bar", false),
        // Docker Hub
        ("https://index.docker.io/v1/", "google/docker-registry", true),
        ("https://index.docker.io/v1/", "jenkins", true),
        ("https://index.docker.io/v1/", "docker.io/library/nginx", true),
        ("index.docker.io", "localhost/nginx", true),
        ("index.docker.io", "localhost:80/nginx", false),
        ("docker.io", "docker.io/library/nginx", true),
        ("registry-1.docker.io", "docker.io/library/nginx", false),
        // Ports, letter case, schemes, versions
        ("harbor.io", "harbor.io:443/ml/a", false),
        ("harbor.io:443", "harbor.io/ml/a", false),
        ("harbor.io:", "harbor.io/ml/a", true),
        ("Harbor.io", "harbor.io/ml/a", false),
        ("HTTPS://harbor.io", "harbor.io/ml/a", false),
        ("oci://harbor.io", "harbor.io/ml/a", false),
        ("http://harbor.io/v1/", "harbor.io/ml/a", true),
        ("harbor.io/v2/ml", "harbor.io/ml/a", true),
        ("harbor.io/v2", "harbor.io/ml/a", false),
        ("127.0.0.1:5000", "127.0.0.1:5000/a", true),
        ("127.0.0.1:5000", "127.0.0.1:5001/a", false),
        ("[::1]:5000", "[::1]:5000/a", true),
        ("[::1]", "[::1]/a", false),
        // The path is a plain prefix.
        ("harbor.io/ml", "harbor.io/mlx/a", true),
        ("harbor.io/ml/", "harbor.io/mlx/a", false),
        ("harbor.io/m%6C", "harbor.io/ml/a", true),
        ("harbor.io/*", "harbor.io/ml/a", false),
        // What a URL has beside host and path is left out.
        ("user:word@harbor.io", "harbor.io/ml/a", true),
        ("harbor.io?x=y", "harbor.io/ml/a", true),
        ("harbor.io/ml#part", "harbor.io/ml/a", true),
        // What is no URL, or names nothing, matches nothing and is in nobody's way.
        ("harbor", "docker.io/harbor/a", false),
        ("", "harbor.io/ml/a", false),
        ("https://", "harbor.io/ml/a", false),
        ("har bor.io", "harbor.io/ml/a", false),
        ("harbor.io/%zz", "harbor.io/ml/a", false),
        ("harbor.io:port", "harbor.io/ml/a", false),
        ("harbor.io:80:80", "harbor.io:80/ml/a", false),
        ("har\nbor.io", "harbor.io/ml/a", false),
        ("h[ab]rbor.io", "harbor.io/ml/a", false),
    ])
    func `a key covers what the kubelet lets it cover`(key: String, image: String, expected: Bool) {
        #expect(keyring((key, "u")).credentials(for: image).isEmpty != expected)
    }

    @Test func `the more specific key comes first, and every matching one is tried`() {
        // TestDockerKeyringLookup
        let ring = keyring(("bar.example.com", "ada"), ("bar.example.com/pong", "grace"))
        #expect(users(ring, "bar.example.com") == ["ada"])
        #expect(users(ring, "bar.example.com/pong") == ["grace", "ada"])
        #expect(users(ring, "bar.example.com/ping") == ["ada"])
        #expect(users(ring, "bar.example.com/pongz") == ["grace", "ada"])
        #expect(users(ring, "bar.example.com/pong/pang") == ["grace", "ada"])
        #expect(users(ring, "example.com").isEmpty && users(ring, "foo.example.com").isEmpty)
        // TestIssue3797
        for image in ["quay.io", "quay.io/foo", "quay.io/foo/bar"] {
            #expect(users(keyring(("https://quay.io/v1/", "rex")), image) == ["rex"])
        }
        let globs = keyring(
            ("*.h.io", "glob"),
            ("a.h.io", "host"),
            ("https://a.h.io/v1/", "again"),
            ("a.h.io/x", "path")
        )
        #expect(users(globs, "a.h.io/x/y") == ["path", "host", "again", "glob"])
    }

    @Test func `Docker Hub's own key is asked only when no other matches`() {
        let ring = keyring(("https://index.docker.io/v1/", "hub"), ("docker.io/library", "library"))
        #expect(users(ring, "docker.io/library/nginx") == ["library"])
        #expect(users(ring, "docker.io/user/app") == ["hub"])
    }

    @Test(arguments: [
        ("foo/bar", true), ("docker.io/foo/bar", true), ("index.docker.io/foo/bar", true), ("foo", true), ("", false),
        ("registry.tld/foo/bar", false), ("registry:5000/foo/bar", false), ("myhostdocker.io/foo/bar", false),
    ])
    func `names without a dot or a port are Docker Hub's`(image: String, expected: Bool) {
        #expect(KubeletKeyring.isDefaultRegistry(image) == expected)
    }

    @Test func `a key of nothing but wildcards is matched in no time`() {
        let label = String(repeating: "*a", count: 2_000)
        #expect(users(keyring(("\(label).io", "u")), "\(String(repeating: "a", count: 2_000))b.io/x").isEmpty)
    }
}
