import LongshoreDomain
import TestSupport
import Testing

@Suite("Image references") struct ImageReferenceTests {
    struct Good: Sendable, CustomTestStringConvertible {
        let text: String
        let canonical: String
        let familiar: String
        var testDescription: String { String(text.prefix(80)) }

        init(_ text: String, _ canonical: String, _ familiar: String) {
            self.text = text
            self.canonical = canonical
            self.familiar = familiar
        }
    }

    static let sha256 = "sha256:" + String(repeating: "0123456789abcdef", count: 4)
    static let sha384 = "sha384:" + String(repeating: "0123456789abcdef", count: 6)
    static let sha512 = "sha512:" + String(repeating: "0123456789abcdef", count: 8)
    static let blake3 = "blake3:" + String(repeating: "0123456789abcdef", count: 4)
    static let longPath = String(repeating: "a", count: 247)

    static let good: [Good] = [
        // Short names belong to Docker Hub.
        Good("nginx", "docker.io/library/nginx:latest", "nginx"),
        Good("nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27"),
        Good("bitnami/redis", "docker.io/bitnami/redis:latest", "bitnami/redis"),
        Good("library/nginx:1", "docker.io/library/nginx:1", "nginx:1"),
        Good("docker.io/nginx", "docker.io/library/nginx:latest", "nginx"),
        Good("index.docker.io/nginx:1", "docker.io/library/nginx:1", "nginx:1"),
        Good("index.docker.io/a/b:1", "docker.io/a/b:1", "a/b:1"),
        Good("library/a/b", "docker.io/library/a/b:latest", "library/a/b"),
        Good("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        Good("a/b/c/d:e", "docker.io/a/b/c/d:e", "a/b/c/d:e"),
        Good("lo-calhost/x", "docker.io/lo-calhost/x:latest", "lo-calhost/x"),
        // Hosts.
        Good("localhost/x", "localhost/x:latest", "localhost/x"),
        Good("localhost:5000/a/b:c", "localhost:5000/a/b:c", "localhost:5000/a/b:c"),
        Good("host:5000/a/b", "host:5000/a/b:latest", "host:5000/a/b"),
        Good("ghcr.io/o/r:v1", "ghcr.io/o/r:v1", "ghcr.io/o/r:v1"),
        Good("gcr.io/x", "gcr.io/x:latest", "gcr.io/x"),
        Good("127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1"),
        Good("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a"),
        Good("[2001:db8::1]/a:b", "[2001:db8::1]/a:b", "[2001:db8::1]/a:b"),
        Good("[2001:db8:1:2:3:4:5:6]:1/a", "[2001:db8:1:2:3:4:5:6]:1/a:latest", "[2001:db8:1:2:3:4:5:6]:1/a"),
        Good("[::]:1/a", "[::]:1/a:latest", "[::]:1/a"),
        Good("[fe80::]:1/a", "[fe80::]:1/a:latest", "[fe80::]:1/a"),
        Good("Harbor.Example.com/ml/x", "Harbor.Example.com/ml/x:latest", "Harbor.Example.com/ml/x"),
        Good("FOO/bar", "FOO/bar:latest", "FOO/bar"),
        Good("xn--n3h.com/x", "xn--n3h.com/x:latest", "xn--n3h.com/x"),
        Good(
            "registry-1.docker.io/library/x:1",
            "registry-1.docker.io/library/x:1",
            "registry-1.docker.io/library/x:1"
        ),
        Good("a.b:65535/x", "a.b:65535/x:latest", "a.b:65535/x"),
        // Separators in repositories.
        Good("a.b/a.b_c__d-e---f", "a.b/a.b_c__d-e---f:latest", "a.b/a.b_c__d-e---f"),
        // Tags.
        Good("a:_x.Y-9", "docker.io/library/a:_x.Y-9", "a:_x.Y-9"),
        Good(
            "a:\(String(repeating: "t", count: 128))",
            "docker.io/library/a:\(String(repeating: "t", count: 128))",
            "a:\(String(repeating: "t", count: 128))"
        ),
        // Digests.
        Good("a@\(sha256)", "docker.io/library/a@\(sha256)", "a@\(sha256)"),
        Good("a@\(sha384)", "docker.io/library/a@\(sha384)", "a@\(sha384)"),
        Good("a@\(sha512)", "docker.io/library/a@\(sha512)", "a@\(sha512)"),
        Good("a@\(blake3)", "docker.io/library/a@\(blake3)", "a@\(blake3)"),
        Good("h:1/a:t@\(sha256)", "h:1/a:t@\(sha256)", "h:1/a:t@\(sha256)"),
        // What the short form may not lose.
        Good("docker.io/foo.com/x", "docker.io/foo.com/x:latest", "docker.io/foo.com/x"),
        Good("docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x"),
        Good(
            "docker.io/library/\(String(repeating: "a", count: 64))",
            "docker.io/library/\(String(repeating: "a", count: 64)):latest",
            "docker.io/library/\(String(repeating: "a", count: 64))"
        ),
        Good(longPath, "docker.io/library/\(longPath):latest", longPath),
    ]

    @Test("are normalised as Docker does", arguments: good)
    func normalised(example: Good) throws {
        let reference = try ImageReference(parsing: example.text)
        #expect(reference.canonical == example.canonical)
        #expect(reference.familiar == example.familiar)
        #expect(reference.description == example.canonical)
    }

    @Test("mean the same image in every form", arguments: good)
    func roundTrip(example: Good) throws {
        let reference = try ImageReference(parsing: example.text)
        #expect(try ImageReference(parsing: reference.familiar) == reference)
        #expect(try ImageReference(parsing: reference.canonical).canonical == reference.canonical)
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let text: String
        let code: ImageReferenceError.Code
        var testDescription: String { "\(code): \(text.prefix(60).debugDescription)" }

        init(_ text: String, _ code: ImageReferenceError.Code) {
            self.text = text
            self.code = code
        }
    }

    static let bad: [Bad] = [
        Bad("", .empty),
        Bad(" ", .invalidCharacter),
        Bad("nginx ", .invalidCharacter),
        Bad("nginx\n", .invalidCharacter),
        Bad("ngi\0nx", .invalidCharacter),
        Bad("nginx:\u{7F}", .invalidCharacter),
        Bad("ngіnx", .invalidCharacter),  // a Cyrillic і
        Bad("ｎginx", .invalidCharacter),  // a full-width n
        Bad("harbor。example.com/x", .invalidCharacter),  // an ideographic full stop
        Bad("a\u{301}bc", .invalidCharacter),
        Bad("nginx\u{200B}", .invalidCharacter),
        Bad(String(repeating: "a", count: 1_025), .tooLong),
        Bad(String(repeating: "a/", count: 4_000_000), .tooLong),
        Bad(String(repeating: "\u{1F600}", count: 1_000_000), .tooLong),
        Bad(String(repeating: "a", count: 256), .pathTooLong),
        Bad(String(repeating: "a", count: 248), .pathTooLong),  // "library/" counts
        Bad("h.io/" + String(repeating: "a", count: 256), .pathTooLong),
        Bad(String(repeating: "a", count: 64), .looksLikeImageID),
        Bad("Nginx", .uppercasePath),
        Bad("h.io/Nginx", .uppercasePath),
        Bad("a/B:c", .uppercasePath),
        Bad("/nginx", .invalidPath),
        Bad("nginx/", .invalidPath),
        Bad("a//b", .invalidPath),
        Bad("h.io/", .invalidPath),
        Bad("h.io//a", .invalidPath),
        Bad("-a", .invalidPath),
        Bad("a-", .invalidPath),
        Bad("a..b", .invalidPath),
        Bad("a___b", .invalidPath),
        Bad("a._b", .invalidPath),
        Bad("a-_b", .invalidPath),
        Bad("a/.b", .invalidPath),
        Bad("../../etc/passwd", .invalidDomain),
        Bad("h.io/../x", .invalidPath),
        Bad("a?b", .invalidPath),
        Bad("a#b", .invalidPath),
        Bad("a%2fb", .invalidPath),
        Bad("a$b", .invalidPath),
        Bad(":tag", .invalidPath),
        Bad("h.io/:tag", .invalidPath),
        Bad("@\(sha256)", .invalidPath),
        Bad("a:", .invalidTag),
        Bad("a:.b", .invalidTag),
        Bad("a:-b", .invalidTag),
        Bad("a:b:c", .invalidTag),
        Bad("a:b$", .invalidTag),
        Bad("h.io/a:b/c", .invalidTag),
        Bad("a:\(String(repeating: "t", count: 129))", .invalidTag),
        Bad("https://h.io/a", .invalidPort),
        Bad("h.io:/a", .invalidPort),
        Bad("h.io:0/a", .invalidPort),
        Bad("h.io:65536/a", .invalidPort),
        Bad("h.io:99999999999999999999/a", .invalidPort),
        Bad("h.io:5o/a", .invalidPort),
        Bad("h.io:+5/a", .invalidPort),
        Bad(".h.io/a", .invalidDomain),
        Bad("h..io/a", .invalidDomain),
        Bad("h.io./a", .invalidDomain),
        Bad("-h.io/a", .invalidDomain),
        Bad("h-.io/a", .invalidDomain),
        Bad("h_x.io/a", .invalidDomain),
        Bad("*.io/a", .invalidDomain),
        Bad("[::1/a", .invalidDomain),
        Bad("[]:5/a", .invalidDomain),
        Bad("[:::]:5/a", .invalidDomain),
        Bad("[1::2::3]:5/a", .invalidDomain),
        Bad("[12345::]:5/a", .invalidDomain),
        Bad("[1:2:3:4:5:6:7:8:9]:5/a", .invalidDomain),
        Bad("[1:2:3]:5/a", .invalidDomain),
        Bad("[:1]:5/a", .invalidDomain),
        Bad("[::1%25eth0]:5/a", .invalidDomain),
        Bad("[::1]x:5/a", .invalidDomain),
        Bad("x[::1]:5/a", .invalidDomain),
        Bad("user:pass@h.io/a", .invalidDigest),
        Bad("a@", .invalidDigest),
        Bad("a@sha256", .invalidDigest),
        Bad("a@sha256:", .invalidDigest),
        Bad("a@:abc", .invalidDigest),
        Bad("a@\(sha256)@\(sha256)", .invalidDigest),
        Bad("a@\(sha256):tag", .invalidDigest),
        Bad("a@sha256:\(String(repeating: "g", count: 64))", .invalidDigest),
        Bad("a@sha256:\(String(repeating: "a", count: 63))", .invalidDigestLength),
        Bad("a@sha256:\(String(repeating: "a", count: 65))", .invalidDigestLength),
        Bad("a@sha256:\(String(repeating: "A", count: 64))", .invalidDigestLength),
        Bad("a@md5:\(String(repeating: "a", count: 32))", .unsupportedDigestAlgorithm),
        Bad("a@SHA256:\(String(repeating: "a", count: 64))", .unsupportedDigestAlgorithm),
    ]

    @Test("that break the grammar are refused with the reason", arguments: bad)
    func refused(example: Bad) {
        let error = #expect(throws: ImageReferenceError.self) { try ImageReference(parsing: example.text) }
        #expect(error?.code == example.code)
    }

    @Test("never come back in an error's text")
    func errorsAreConstant() {
        let canary = "s3cr3t-canary"
        for text in ["user:\(canary)@h.io/a", "h.io/a:\(canary)$", "\(canary)$", "h.io:\(canary)/a", "a@\(canary)"] {
            do {
                _ = try ImageReference(parsing: text)
                Issue.record("accepted")
            } catch {
                #expect(!"\(error)".contains(canary))
            }
        }
    }

    @Test("tell where to connect")
    func registryHost() throws {
        #expect(try ImageReference(parsing: "nginx").registryHost == "registry-1.docker.io")
        #expect(try ImageReference(parsing: "localhost:5000/x").registryHost == "localhost:5000")
        #expect(try ImageReference(parsing: "nginx").manifestReference == "latest")
        #expect(try ImageReference(parsing: "nginx:1").manifestReference == "1")
        #expect(try ImageReference(parsing: "nginx:1@\(Self.sha256)").manifestReference == Self.sha256)
    }

    @Test(
        "have Kubernetes' pull policy by their tag",
        arguments: [
            ("nginx", PullPolicy.always), ("nginx:latest", .always), ("nginx:1.27", .ifNotPresent),
            ("nginx@\(sha256)", .ifNotPresent), ("nginx:latest@\(sha256)", .always),
            ("nginx:1@\(sha256)", .ifNotPresent),
        ]
    )
    func pullPolicy(text: String, policy: PullPolicy) throws {
        #expect(try ImageReference(parsing: text).defaultPullPolicy == policy)
    }

    @Test("are found on a node by whole names only")
    func exactNames() throws {
        #expect(try ImageReference(parsing: "nginx").exactNames == ["docker.io/library/nginx:latest", "nginx:latest"])
        #expect(try ImageReference(parsing: "h.io/a:1").exactNames == ["h.io/a:1"])
        #expect(
            try ImageReference(parsing: "nginx:1@\(Self.sha256)").exactNames
                == ["docker.io/library/nginx@\(Self.sha256)", "nginx@\(Self.sha256)"]
        )
    }

    @Test("survive mutation without a crash, and what is accepted is stable")
    func mutations() throws {
        var random = SeededGenerator(seed: 7)
        let alphabet = Array("aZ09._-:/@[]%\\ \0é".unicodeScalars)
        for _ in 0..<20_000 {
            var text = Self.good[Int(random.next() % UInt64(Self.good.count))].text.unicodeScalars.map { $0 }
            for _ in 0..<(1 + random.next() % 3) {
                let position = text.isEmpty ? 0 : Int(random.next() % UInt64(text.count))
                let scalar = alphabet[Int(random.next() % UInt64(alphabet.count))]
                switch random.next() % 3 {
                case 0 where !text.isEmpty: text.remove(at: position)
                case 1 where !text.isEmpty: text[position] = scalar
                default: text.insert(scalar, at: position)
                }
            }
            let mutated = String(String.UnicodeScalarView(text))
            guard let reference = try? ImageReference(parsing: mutated) else { continue }
            #expect(try ImageReference(parsing: reference.familiar) == reference)
            #expect(try ImageReference(parsing: reference.canonical).canonical == reference.canonical)
        }
    }
}
