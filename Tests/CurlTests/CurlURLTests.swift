import Testing

@testable import Curl

@Suite struct CurlURLTests {
    @Test(arguments: [
        ("http://example.com/a?b=c", "example.com", 80, false), ("https://example.com", "example.com", 443, true),
        ("HTTPS://EXAMPLE.com:8443/", "EXAMPLE.com", 8443, true), ("http://[::1]:5000/x", "::1", 5000, false),
        ("http://2130706433/", "127.0.0.1", 80, false), ("http://0x7f.1/", "127.0.0.1", 80, false),
        ("http://127.1/", "127.0.0.1", 80, false), ("http://0177.0.0.1/", "127.0.0.1", 80, false),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, false), ("http://a/@b", "a", 80, false),
        ("http://a?x=b@c", "a", 80, false), ("http://localhost./", "localhost.", 80, false),
    ])
    func `a URL is read as libcurl will use it`(text: String, host: String, port: Int, isSecure: Bool) throws {
        let url = try CurlURL(parsing: text)
        #expect(url.host.lowercased() == host.lowercased())
        #expect(url.port == port)
        #expect(url.isSecure == isSecure)
    }

    @Test(arguments: [
        "", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://x/", "http://",
        "http:///", "https://user@example.com/", "https://user:pass@example.com/", "http://@example.com/",
        "http://:@example.com/", "http://example.com\\@evil.com/", "http://a b/", "http://a/\u{7F}", "http://a/\n",
        "http://a\u{0}b/", "http://example.com:0/", "http://example.com:65536/", "http://example.com:-1/",
        "http://example.com:port/", "http://[fe80::1%25eth0]/", "http://[::1/", "http://[::g]/", "dict://x:11211/",
        "http://a%00b/", "http://bücher.example/", "http://example.com/ü",
        "http://" + String(repeating: "a", count: 20_000),
    ])
    func `a URL that is not plain http or https is refused`(text: String) {
        #expect(throws: CurlError.self) { try CurlURL(parsing: text) }
    }

    @Test func `a refusal does not quote the URL`() {
        let error = #expect(throws: CurlError.self) { try CurlURL(parsing: "https://user:hunter2@example.com/") }
        #expect(error?.description.contains("hunter2") == false)
        #expect(error?.code == .invalidRequest)
        #expect(error?.isRetryable == false)
    }
}
