import LongshoreDomain
import Redaction
import Testing
import WireFormats

@Suite("A dockerconfigjson") struct DockerConfigurationFileTests {
    private static func read(_ text: String) throws -> [String: CredentialSource] {
        let entries = try DockerConfigurationFile(parsing: Array(text.utf8)).entries
        return Dictionary(uniqueKeysWithValues: entries.map { ($0.credential.scope.key, $0.credential.source) })
    }

    private static func account(_ source: CredentialSource?) -> String? {
        guard case .basic(let username, let password)? = source else { return nil }
        return "\(username)/\(password.exposeUTF8() ?? "?")"
    }

    @Test("is split into one credential for each registry")
    func split() throws {
        let auth = Base64.encode(Array("robot:pa:ss".utf8))
        let entries = try Self.read(
            """
            {"auths": {"https://index.docker.io/v1/": {"auth": "\(auth)"}, "ghcr.io": {"username": "u", "password": "p"},
             "h.io/ml": {"username": "robot", "password": "pa:ss", "email": "a@b.c", "auth": "\(auth)"},
             "azure.io": {"auth": "\(Base64.encode(Array("0000:".utf8)))", "identitytoken": "tok"},
             "old.io": {"registrytoken": "reg"}}, "credsStore": "desktop", "HttpHeaders": {}}
            """
        )
        #expect(Self.account(entries["docker.io"]) == "robot/pa:ss")
        #expect(Self.account(entries["ghcr.io"]) == "u/p")
        #expect(Self.account(entries["h.io/ml"]) == "robot/pa:ss")
        guard case .identityToken(let token)? = entries["azure.io"] else {
            Issue.record("no identity token")
            return
        }
        #expect(token.exposeUTF8() == "tok")
        guard case .dockerConfigJSON(let file)? = entries["old.io"] else {
            Issue.record("no registry token")
            return
        }
        #expect(file.exposeUTF8() == #"{"auths":{"old.io":{"registrytoken":"reg"}}}"#)
    }

    @Test("may have unpadded base64 and Docker's old NUL at a password's end")
    func lenientAuth() throws {
        let unpadded = Base64.encode(Array("ab:cd".utf8)).replacing("=", with: "")
        let ended = Base64.encode(Array("ab:cd\0\0".utf8))
        for auth in [unpadded, ended] {
            #expect(Self.account(try Self.read(#"{"auths":{"h.io":{"auth":"\#(auth)"}}}"#)["h.io"]) == "ab/cd")
        }
    }

    @Test(
        "may have line breaks in its base64",
        arguments: ["YWI6Y2Q=\\n", "YWI6\\nY2Q=", "YWI6\\r\\nY2Q", "\\nYWI6Y2\\nQ=\\n"]
    )
    func lineBreaks(auth: String) throws {
        #expect(Self.account(try Self.read(#"{"auths":{"h.io":{"auth":"\#(auth)"}}}"#)["h.io"]) == "ab/cd")
    }

    @Test("may be given as a text that holds JSON")
    func asText() throws {
        let json: JSONValue = .string(#"{"auths":{"h.io":{"username":"u","password":"p"}}}"#)
        #expect(try DockerConfigurationFile(json: json).entries.count == 1)
    }

    @Test(
        "is refused with the place of what is wrong",
        arguments: [
            ("", ""), ("null", ""), ("[]", ""), ("{}", "/auths"), (#"{"auths":null}"#, "/auths"),
            (#"{"auths":{}}"#, "/auths"), (#"{"auths":[]}"#, "/auths"), (#"{"auths":"x"}"#, "/auths"),
            (#"{"auths":{"h.io":null}}"#, "/auths/h.io"), (#"{"auths":{"h.io":{}}}"#, "/auths/h.io"),
            (#"{"auths":{"h.io":{"username":"u"}}}"#, "/auths/h.io"),
            (#"{"auths":{"h.io":{"password":"p"}}}"#, "/auths/h.io"),
            (#"{"auths":{"h.io":{"username":"u","password":""}}}"#, "/auths/h.io"),
            (#"{"auths":{"h.io":{"username":1,"password":"p"}}}"#, "/auths/h.io/username"),
            (#"{"auths":{"h.io":{"username":"a:b","password":"p"}}}"#, "/auths/h.io/username"),
            (#"{"auths":{"h.io":{"username":"a","password":"p\n"}}}"#, "/auths/h.io/password"),
            (#"{"auths":{"h.io":{"auth":"%%%"}}}"#, "/auths/h.io/auth"),
            (#"{"auths":{"h.io":{"auth":"YWJj"}}}"#, "/auths/h.io/auth"),
            (#"{"auths":{"h.io":{"auth":"OnA="}}}"#, "/auths/h.io/auth"),
            (#"{"auths":{"h.io":{"auth":"dTo="}}}"#, "/auths/h.io/auth"),
            (#"{"auths":{"h.io":{"auth":"/////w=="}}}"#, "/auths/h.io/auth"),
            (#"{"auths":{"h.io":{"auth":"dTpw","username":"x"}}}"#, "/auths/h.io/auth"),
            (#"{"auths":{"h.io":{"auth":"dTpw","password":"x"}}}"#, "/auths/h.io/auth"),
            (#"{"auths":{"h.io":{"identitytoken":"a\u0000b"}}}"#, "/auths/h.io/identitytoken"),
            (#"{"auths":{"harbor":{"auth":"dTpw"}}}"#, "/auths/?"),
            (#"{"auths":{"*.h.io":{"auth":"dTpw"}}}"#, "/auths/?"),
            (#"{"auths":{"u:p@h.io":{"auth":"dTpw"}}}"#, "/auths/?"),
        ]
    )
    func refused(text: String, pointer: String) {
        let error = #expect(throws: DockerConfigurationFile.Problems.self) {
            try DockerConfigurationFile(parsing: Array(text.utf8))
        }
        #expect(error?.problems.map(\.pointer.description) == [pointer])
    }

    @Test("reports every entry that is wrong and quotes none")
    func everyProblem() {
        let canary = "c4n4ry"
        let text = """
            {"auths": {"a.io": {"auth": "\(canary)"}, "b.io": {"username": "\(canary)"}, "\(canary)": {"auth": "dTpw"},
             "d.io": {"password": {"\(canary)": 1}}, "e.io": {"username": "\(canary):x", "password": "p"}}}
            """
        let error = #expect(throws: DockerConfigurationFile.Problems.self) {
            try DockerConfigurationFile(parsing: Array(text.utf8))
        }
        #expect(error?.problems.count == 5)
        #expect(error?.description.contains(canary) == false)
    }

    @Test("may not be deep, huge or without end")
    func hostile() {
        let deep = String(repeating: #"{"auths":"#, count: 10_000)
        let many = (0..<65).map { #""h\#($0).io":{"auth":"dTpw"}"# }.joined(separator: ",")
        for text in [deep, "{\"auths\":{\(many)}}", String(repeating: " ", count: 2 << 20)] {
            #expect(throws: DockerConfigurationFile.Problems.self) {
                try DockerConfigurationFile(parsing: Array(text.utf8))
            }
        }
    }
}
