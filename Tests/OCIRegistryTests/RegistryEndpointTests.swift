import Testing

@testable import OCIRegistry

@Suite struct RegistryEndpointTests {
    @Test(arguments: [
        ("registry.example.com", "https://registry.example.com"), ("Harbor.IO:8443", "https://harbor.io:8443"),
        ("docker.io", "https://registry-1.docker.io"), ("index.docker.io", "https://registry-1.docker.io"),
        ("localhost:5000", "http://localhost:5000"), ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("127.3.4.5", "http://127.3.4.5"), ("[::1]:5000", "http://[::1]:5000"),
        ("localhost:443", "https://localhost:443"),
        ("plain.test:80", "http://plain.test:80"), ("plain.test", "https://plain.test"),
        ("10.0.0.1", "https://10.0.0.1"),
        ("localhost.evil.com", "https://localhost.evil.com"), ("sub.localhost", "http://sub.localhost"),
        ("127.0.0.1.evil.com", "https://127.0.0.1.evil.com"),
    ])
    func `plain HTTP is for loopback and the operator's list`(host: String, origin: String) throws {
        #expect(try RegistryEndpoint(host, plainHTTPHosts: ["plain.test:80"]).origin == origin)
    }

    @Test(arguments: [
        "", ":5000", "a:b", "a:0", "a:65536", "a/b", "a@b", "user:pw@host", "a b", "a:5000:6000", "[::1", "::1",
        "[a]", "a:", "[::1]x", "a?b", "a#b", "é.com", "[fe80::1%eth0]", String(repeating: "a", count: 400),
    ])
    func `what is not a host is refused`(host: String) {
        let error = #expect(throws: RegistryError.self) { try RegistryEndpoint(host) }
        #expect(error?.code == .invalidReference)
    }

    @Test(arguments: [
        ("/v2/x?y=z", "https://a:443/v2/x?y=z"), ("https://B:8/c", "https://b:8"), ("//c.test/d", "https://c.test:443"),
        ("http://d", "http://d:80"), ("y", "https://a:443/v/y"), ("y/z:1", "https://a:443/v/y/z:1"),
        ("?y=z", "https://a:443/v/x?y=z"),
    ])
    func `a location is absolute or below its answer's host`(location: String, origin: String) throws {
        let base = try #require(RegistryURL("https://a/v/x?q=/"))
        let url = try #require(RegistryURL(location: location, from: base))
        #expect(origin.hasPrefix(url.origin))
        if origin.hasPrefix("https://a:443") { #expect(url.text == origin) }
    }

    @Test(arguments: [
        "", "#x", "x y", "x:1", "ftp://a/", "https://u:p@a/", "https://a\\@b/", "javascript:alert(1)", "https:///a",
        "https://a b/", "https://[::1%25x]/", "file:///etc/passwd", "https://é/",
    ])
    func `what is not an http URL is refused`(location: String) throws {
        let base = try #require(RegistryURL("https://a/x"))
        #expect(RegistryURL(location: location, from: base) == nil)
    }

    @Test func `query parameters are encoded and added`() throws {
        let plain = try #require(RegistryURL("https://a/t"))
        #expect(
            plain.adding([("scope", "repository:a/b:pull x&y=z")])
                == "https://a/t?scope=repository%3Aa%2Fb%3Apull%20x%26y%3Dz"
        )
        let more = try #require(RegistryURL("https://a/t?b=c#frag"))
        #expect(more.adding([("d", "é")]) == "https://a/t?b=c&d=%C3%A9")
        #expect(more.adding([]) == "https://a/t?b=c#frag")
    }
}
