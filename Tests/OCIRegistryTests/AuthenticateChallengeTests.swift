import Testing

@testable import OCIRegistry

@Suite struct AuthenticateChallengeTests {
    private func parse(_ headers: String...) -> [AuthenticateChallenge] { AuthenticateChallenge.parse(headers) }

    @Test func `a token server's challenge is read`() {
        let header =
            #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#
        #expect(
            parse(header) == [
                AuthenticateChallenge(
                    scheme: "bearer",
                    parameters: [
                        "realm": "https://auth.docker.io/token", "service": "registry.docker.io",
                        "scope": "repository:a/b:pull,push",
                    ]
                )
            ]
        )
    }

    @Test func `several challenges share a header or have their own`() {
        let joined = parse(#"Negotiate abc==, Basic realm="x" , charset=UTF-8, Bearer realm=y,error="invalid_token""#)
        #expect(joined.map(\.scheme) == ["negotiate", "basic", "bearer"])
        #expect(joined[0].parameters.isEmpty)
        #expect(joined[1].parameters == ["realm": "x", "charset": "UTF-8"])
        #expect(joined[2].parameters == ["realm": "y", "error": "invalid_token"])
        #expect(parse("Basic", "NTLM", "BEARER Realm = \"z\"").map(\.scheme) == ["basic", "ntlm", "bearer"])
        #expect(parse("BEARER Realm = \"z\"")[0].parameters == ["realm": "z"])
    }

    @Test func `quoted text keeps commas, escapes and spaces`() {
        #expect(parse(#"Basic realm="a, b \"c\" \\ d=e""#)[0].parameters["realm"] == #"a, b "c" \ d=e"#)
        #expect(parse(#"Basic realm="""#)[0].parameters["realm"]?.isEmpty == true)
    }

    @Test func `of two parameters with one name the first counts`() {
        #expect(parse(#"Bearer realm="a",realm="b""#)[0].parameters["realm"] == "a")
    }

    @Test(arguments: [
        "", ",", " , ,", "=", "Bearer realm=\"open", "Bearer realm=\"open\\", "realm=\"x\"",
        "Bearer \"x\"", "Bearer realm=\"x\" \u{1}", "\u{0}", "é", String(repeating: "a", count: 9000),
        String(repeating: "Basic,", count: 100), "Bearer realm=é",
    ])
    func `what cannot be read gives nothing and does no harm`(header: String) {
        #expect(parse(header).isEmpty)
    }

    @Test func `no cut or changed header does harm`() {
        let header = Array(#"Negotiate ab=, Bearer realm="https://a/t",service="b",scope="c:d""#.utf8)
        for length in 0...header.count {
            for byte in [0x00, 0x22, 0x2C, 0x3D, 0x5C, 0x20, 0xFF] as [UInt8] {
                var changed = Array(header.prefix(length))
                if length > 0 { changed[length - 1] = byte }
                _ = parse(String(decoding: changed, as: UTF8.self))
            }
        }
    }
}
