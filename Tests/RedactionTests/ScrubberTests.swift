import Testing

@testable import Redaction

@Suite("Scrubbing")
struct ScrubberTests {
    static let canary = "Ca+na/ry \"p%\\w\" é1"

    static let forms: [String] = [
        "plain: Ca+na/ry \"p%\\w\" é1 end",
        "url: Ca%2Bna%2Fry%20%22p%25%5Cw%22%20%C3%A91 end",
        "lower-case url: Ca%2bna%2fry%20%22p%25%5cw%22%20%c3%a91 end",
        "form: Ca%2Bna%2Fry+%22p%25%5Cw%22+%C3%A91 end",
        #"json: {"x":"Ca+na/ry \"p%\\w\" é1"} end"#,
        #"json with slashes: {"x":"Ca+na\/ry \"p%\\w\" é1"} end"#,
        #"json with code points: {"x":"Ca\u002bna\u002Fry \u0022p%\\w\u0022 é1"} end"#,
        #"json in ASCII: {"x":"Ca+na/ry \"p%\\w\" \u00e91"} end"#,
        #"json in json: "{\"x\":\"Ca+na/ry \\\"p%\\\\w\\\" é1\"}" end"#,
        #"go: "Ca+na/ry \"p%\\w\" \xc3\xa91" end"#,
        "html: Ca+na/ry &quot;p%\\w&quot; &#233;1 end",
        "html by number: Ca&#43;na&#x2F;ry &#34;p%&#92;w&#34; é1 end",
        "url twice: Ca%252Bna%252Fry%2520%2522p%2525%255Cw%2522%2520%25C3%25A91 end",
        "split: Ca+\u{200B}na/\u{61C}ry \"p%\\\u{E0041}w\"\u{FE0F} é1 end",
        "wrapped: Ca+na\n/ry \"p%\\w\" é\r\n1 end",
    ]

    @Test("finds a secret in every usual encoding", arguments: forms)
    func findsEncodings(text: String) {
        var scrubber = Scrubber()
        scrubber.add(SecretBytes(utf8: Self.canary))
        let scrubbed = scrubber.scrub(text)
        #expect(scrubbed.contains("<redacted>"))
        #expect(!scrubbed.contains("na"), "\(scrubbed)")
        #expect(scrubbed.hasSuffix(" end"))
    }

    /// `user:hunter2-canary`, `a:hunter2-canary:b`, … in base64, made by coreutils: all three alignments.
    @Test(
        "finds a secret inside of base64 at every alignment",
        arguments: [
            "aHVudGVyMi1jYW5hcnk=", "YTpodW50ZXIyLWNhbmFyeTpi", "dXNlcjpodW50ZXIyLWNhbmFyeQ==",
            "dTpodW50ZXIyLWNhbmFyeQ==",
            "cm86aHVudGVyMi1jYW5hcnk=", "cm9iOmh1bnRlcjItY2FuYXJ5", "eHl6Omh1bnRlcjItY2FuYXJ5Og==",
        ]
    )
    func findsBase64(encoded: String) {
        let scrubber = Scrubber([SecretBytes(utf8: "hunter2-canary")])
        let scrubbed = scrubber.scrub("auths are \(encoded) there")
        #expect(scrubbed.contains("<redacted>"))
        #expect(!scrubbed.contains("udGVyMi1j"))
        #expect(!scrubbed.contains("W50ZXIyLW"))
        #expect(!scrubbed.contains("h1bnRlcjIt"))
    }

    /// What stands beside a secret in base64 shares bits with its first and last character.
    @Test("leaves no bit of a secret inside of base64", arguments: 0..<7, [true, false])
    func leavesNoBits(length: Int, isPadded: Bool) {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        func encode(_ text: String) -> String {
            var bits: [UInt8] = text.utf8.flatMap { byte in (0..<8).reversed().map { byte >> UInt8($0) & 1 } }
            while !bits.count.isMultiple(of: 6) { bits.append(0) }
            let letters = stride(from: 0, to: bits.count, by: 6).map { start in
                alphabet[bits[start..<(start + 6)].reduce(0) { $0 << 1 | Int($1) }]
            }
            let padding = isPadded ? String(repeating: "=", count: (4 - letters.count % 4) % 4) : ""
            return String(letters) + padding
        }
        let user = String(repeating: "u", count: length)
        // Two passwords that differ in their first and last byte leave the same behind.
        let texts = ["hunter2-canary", "Junter2-canarZ"].map { password in
            Scrubber([SecretBytes(utf8: password)]).scrub("auth is \(encode("\(user):\(password)")) there")
        }
        #expect(texts[0] == texts[1])
        #expect(texts[0].contains("<redacted>"))
        // URL-safe, of user name and password as they are sent.
        let pair = "\(user):hunter2-canary??>>"
        let urlSafe = encode(pair).replacing("+", with: "-").replacing("/", with: "_")
        let scrubbed = Scrubber([SecretBytes(utf8: pair)]).scrub("auth is \(urlSafe) there")
        #expect(
            ["auth is <redacted> there", "auth is <redacted>= there", "auth is <redacted>== there"].contains(scrubbed)
        )
    }

    @Test(
        "takes out what turns the text around, and what nobody sees",
        arguments: [
            "\u{61C}", "\u{200E}", "\u{200F}", "\u{202A}", "\u{202E}", "\u{2066}", "\u{2069}", "\u{200B}", "\u{200C}",
            "\u{200D}", "\u{2060}", "\u{2064}", "\u{206A}", "\u{FEFF}", "\u{AD}", "\u{34F}", "\u{115F}", "\u{17B4}",
            "\u{180E}", "\u{3164}", "\u{FFA0}", "\u{FFF9}", "\u{FE00}", "\u{FE0F}", "\u{E0001}", "\u{E0041}",
            "\u{E007F}", "\u{E0100}", "\u{1D173}", "\u{2028}", "\u{2029}", "\u{85}", "\u{9B}", "\u{7F}", "\u{0}",
        ]
    )
    func removesInvisible(character: String) {
        let scrubbed = Scrubber().scrub("ab\(character)cd é 漢字 😀")
        #expect(["ab cd é 漢字 😀", "abcd é 漢字 😀"].contains(scrubbed), "\(scrubbed.unicodeScalars.map(\.value))")
        let hidden = Scrubber([SecretBytes(utf8: "hunter2-canary")]).scrub("x hunt\(character)er2-can\(character)ary y")
        #expect(hidden == "x <redacted> y")
    }

    @Test("finds a secret that was cut at the end of the text")
    func findsCut() {
        let scrubber = Scrubber([SecretBytes(utf8: "hunter2-canary")])
        #expect(scrubber.scrub("body: hunter2-can") == "body: <redacted>")
        #expect(scrubber.scrub("body: hun") == "body: hun")
    }

    @Test("ignores secrets that would be found everywhere")
    func ignoresShort() {
        let scrubber = Scrubber([SecretBytes(utf8: "abc"), SecretBytes([])])
        #expect(scrubber.scrub("abcabc") == "abcabc")
    }

    static let places: [(String, String)] = [
        ("GET https://user:pw@host/x", "GET https://<redacted>@host/x"),
        ("GET https://to@ken@host:5000/x?a=b@c", "GET https://<redacted>@host:5000/x?a=b@c"),
        ("https://host/a@b", "https://host/a@b"),
        ("Authorization: Basic dXNlcjpwdw==\nHost: x", "Authorization: <redacted> Host: x"),
        ("header 'Authorization: Bearer abc.def' sent", "header 'Authorization: <redacted>' sent"),
        ("sent Bearer eyJhbGciOi.x-y_z", "sent Bearer <redacted>"),
        ("sent basic dXNlcjpwdw==", "sent basic <redacted>"),
        ("?password=hunter2&x=1", "?password=<redacted>&x=1"),
        ("?access_token=hunter2", "?access_token=<redacted>"),
        ("?X-Amz-Signature=abcdef&X-Amz-Date=1", "?X-Amz-Signature=<redacted>&X-Amz-Date=1"),
        ("https://x/y?sig=abc%3D&se=1", "https://x/y?sig=<redacted>&se=1"),
        (#"{"password":"hun\"ter2","user":"x"}"#, #"{"password":"<redacted>","user":"x"}"#),
        (#"{\"identitytoken\":\"hunter2\"}"#, #"{\"identitytoken\":\"<redacted>\"}"#),
        ("password: hunter2, next", "password: <redacted>, next"),
        ("token='a b c' x", "token='<redacted>' x"),
        ("password=", "password="),
    ]

    @Test("redacts what stands where secrets stand", arguments: places)
    func redactsPlaces(text: String, expected: String) {
        #expect(Scrubber().scrub(text) == expected)
    }

    @Test(
        "leaves ordinary messages alone",
        arguments: [
            "unauthorized: authentication required", "failed to fetch token: 401 Unauthorized",
            "basic authentication failed",
            #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#, "secret \"pull-x\" not found",
            "pull access denied for x/y, repository does not exist or may require 'docker login'",
            "manifest unknown: sha256:0123",
            "tokens left: 5", "a=b&c=d", "", "host:5000/a/b:tag",
        ]
    )
    func leavesAlone(text: String) {
        #expect(Scrubber().scrub(text) == text)
    }

    @Test("takes out what could break a line or a terminal")
    func removesControl() {
        #expect(Scrubber().scrub("a\u{1B}[31mb\r\nc\u{0}d\u{85}e\u{202E}f\tg") == "a [31mb  c d e f g")
    }

    @Test("bounds the length in bytes without cutting a character", arguments: [0, 2, 3, 4, 5, 10, 11, 12])
    func bounds(limit: Int) {
        let scrubbed = Scrubber().scrub("ééééé😀é", limit: limit)
        #expect(scrubbed.utf8.count <= limit)
        #expect(Scrubber().scrub(String(repeating: "x", count: 5_000)).utf8.count == 1_024)
        #expect(Scrubber().scrub("short", limit: 5) == "short")
    }

    @Test("redacts before it cuts, so that no part of a secret is left")
    func redactsBeforeCutting() {
        let scrubber = Scrubber([SecretBytes(utf8: "hunter2-canary")])
        for limit in 5..<30 {
            let scrubbed = scrubber.scrub("1234567890 hunter2-canary", limit: limit)
            #expect(!scrubbed.contains("hunt"))
        }
    }

    @Test("finds a secret that the space for a control character makes whole")
    func findsAfterReplacing() {
        let scrubber = Scrubber([SecretBytes(utf8: "hunter2 canary")])
        #expect(!scrubber.scrub("a hunter2\ncanary").contains("canary"))
    }

    @Test("never crashes on mutated texts, and never shows the secret")
    func survivesMutations() {
        let scrubber = Scrubber([SecretBytes(utf8: "hunter2-canary")])
        let pieces = [
            "hunter2-canary", "://", "@", "=", ":", "\"", "\\", "%", "password", "Bearer ", "Basic", " ", "é", "\n",
            "token", "%4", "\\u00",
        ]
        var state: UInt64 = 7
        for _ in 0..<5_000 {
            var text = ""
            for _ in 0..<8 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(state >> 33) % pieces.count]
            }
            #expect(!scrubber.scrub(text).contains("hunter2"))
        }
    }

    @Test("prints nothing of what it knows")
    func printsNothing() {
        let scrubber = Scrubber([SecretBytes(utf8: "hunter2-canary")])
        var dumped = ""
        dump(scrubber, to: &dumped)
        #expect(!"\(scrubber)\(dumped)".contains("hunter2"))
    }
}
