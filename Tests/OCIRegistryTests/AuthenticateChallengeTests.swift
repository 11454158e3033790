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

    @Test(arguments: ["", ",", " , ,", "=", "realm=\"x\"", "\u{0}", "é", String(repeating: "a", count: 9000)])
    func `what is no challenge gives none`(header: String) {
        #expect(parse(header).isEmpty)
    }

    @Test(
        arguments: [
            ("Bearer realm=\"open", [:]), ("Bearer realm=\"open\\", [:]), ("Bearer \"x\"", [:]),
            ("Bearer realm=é", [:]),
            ("Bearer realm=\"x\" \u{1}", ["realm": "x"]), ("Bearer realm=\"x\",service=\"open", ["realm": "x"]),
            ("Bearer realm=\"x\",,service=y,", ["realm": "x", "service": "y"]),
            ("Bearer realm=https://a/t?x=y,scope=a:b:c", ["realm": "https://a/t?x=y", "scope": "a:b:c"]),
        ] as [(String, [String: String])]
    )
    func `what can be read before a fault counts, as with containerd`(header: String, parameters: [String: String]) {
        #expect(parse(header) == [AuthenticateChallenge(scheme: "bearer", parameters: parameters)])
    }

    @Test func `the number of challenges is bounded`() {
        #expect(parse(String(repeating: "Basic,", count: 100)).count == 16)
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
