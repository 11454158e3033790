import LongshoreDomain
import Testing

@Suite("Registry scopes") struct RegistryScopeTests {
    @Test(
        "are read as users and Docker's files write them",
        arguments: [
            ("harbor.example.com", "harbor.example.com"), ("harbor.example.com/", "harbor.example.com"),
            ("HARBOR.example.com/ml", "harbor.example.com/ml"), ("harbor.example.com/ml/", "harbor.example.com/ml"),
            ("https://harbor.example.com/ml", "harbor.example.com/ml"), ("HTTP://localhost:5000", "localhost:5000"),
            ("docker.io", "docker.io"), ("index.docker.io", "docker.io"), ("registry-1.docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"), ("https://index.docker.io/v1", "docker.io"),
            ("index.docker.io/v1/", "docker.io"), ("docker.io/myorg", "docker.io/myorg"),
            ("https://ghcr.io/v2/", "ghcr.io"), ("https://ghcr.io/v2/org", "ghcr.io/org"),
            ("ghcr.io/v2/v1/v2/org", "ghcr.io/org"), ("https://ghcr.io/v2/v2", "ghcr.io"),
            ("ghcr.io/v2/v2", "ghcr.io/v2"), ("localhost", "localhost"),
            ("[::1]:5000/a", "[::1]:5000/a"), ("127.0.0.1:5000", "127.0.0.1:5000"), ("host:1", "host:1"),
            // Without a scheme or a slash after it, "v1" is a project's name.
            ("harbor.example.com/v1", "harbor.example.com/v1"),
        ]
    )
    func parsing(text: String, key: String) throws {
        let scope = try RegistryScope(parsing: text)
        #expect(scope.key == key)
        #expect(try RegistryScope(parsing: scope.key) == scope)
    }

    @Test(
        "that are none are refused",
        arguments: [
            ("", RegistryScopeError.Code.empty), (" ghcr.io", .invalidCharacter), ("ghcr.io\n", .invalidCharacter),
            ("ghcr\0.io", .invalidCharacter), ("ɡhcr.io", .invalidCharacter), ("harbor", .notARegistry),
            ("library/nginx", .notARegistry), ("*.example.com", .invalidHost), ("user:pw@h.io", .invalidPort),
            ("user@h.io", .invalidHost), ("h.io?x=1", .invalidHost), ("h.io#x", .invalidHost), ("h.io:0", .invalidPort),
            ("h.io:65536", .invalidPort), ("h.io:", .invalidPort), ("ftp://h.io", .invalidPort),
            ("h.io/ML", .invalidPath),
            ("h.io//ml", .invalidPath), ("h.io/ml//", .invalidPath), ("h.io/ml:tag", .invalidPath),
            ("h.io/../x", .invalidPath), ("https://", .invalidHost),
            ("h.io/" + String(repeating: "a", count: 256), .invalidPath),
            (String(repeating: "a.", count: 1_000_000), .tooLong), ("h_x.io", .invalidHost),
        ]
    )
    func refused(text: String, code: RegistryScopeError.Code) {
        let error = #expect(throws: RegistryScopeError.self) { try RegistryScope(parsing: text) }
        #expect(error?.code == code)
    }

    @Test(
        "cover images by exact host and whole path segments",
        arguments: [
            ("harbor.io", "harbor.io/a", true), ("harbor.io", "harbor.io:443/a", false),
            ("harbor.io:443", "harbor.io/a", false), ("harbor.io", "evil-harbor.io/a", false),
            ("harbor.io", "harbor.io.evil.com/a", false), ("harbor.io", "sub.harbor.io/a", false),
            ("harbor.io/ml", "harbor.io/ml/train", true), ("harbor.io/ml", "harbor.io/ml", true),
            ("harbor.io/ml", "harbor.io/mlx/train", false), ("harbor.io/ml", "harbor.io/m", false),
            ("harbor.io/ml/train", "harbor.io/ml", false), ("harbor.io", "HARBOR.io/a", true),
            ("docker.io", "nginx", true),
            ("docker.io", "registry-1.docker.io/library/nginx", true), ("registry-1.docker.io", "nginx", true),
            ("docker.io/library", "nginx", true), ("docker.io/nginx", "nginx", false),
            ("docker.io", "ghcr.io/nginx", false),
            ("docker.io", "localhost/nginx", false), ("localhost", "localhost/x", true),
            ("localhost:5000", "localhost/x", false),
        ]
    )
    func matching(scope: String, image: String, matches: Bool) throws {
        #expect(try RegistryScope(parsing: scope).matches(ImageReference(parsing: image)) == matches)
    }

    @Test("name the entry that the kubelet looks up")
    func dockerConfigKey() throws {
        #expect(try RegistryScope(parsing: "docker.io").dockerConfigKey == "https://index.docker.io/v1/")
        #expect(try RegistryScope(parsing: "docker.io/org").dockerConfigKey == "docker.io/org")
        #expect(try RegistryScope(parsing: "https://ghcr.io/v2/").dockerConfigKey == "ghcr.io")
    }

    @Test("name entries that keep the kubelet to whole segments")
    func dockerConfigKeys() throws {
        func keys(_ scope: String, _ images: String...) throws -> [String] {
            try RegistryScope(parsing: scope).dockerConfigKeys(for: images.map { try ImageReference(parsing: $0) })
        }
        #expect(try keys("h.io/ml", "h.io/ml/a", "h.io/ml/b", "h.io/mlx/c", "quay.io/ml/a") == ["h.io/ml/"])
        #expect(try keys("h.io/ml", "h.io/ml") == ["h.io/ml"])
        #expect(try keys("h.io", "H.io/a", "h.io/b") == ["H.io", "h.io"])
        #expect(
            try keys("docker.io", "nginx", "registry-1.docker.io/library/x") == [
                "https://index.docker.io/v1/", "registry-1.docker.io",
            ]
        )
        #expect(try keys("docker.io/org", "org/a") == ["docker.io/org/"])
        #expect(try keys("h.io", "quay.io/a") == ["h.io"])
    }
}
