import Testing
import WireFormats

@testable import longshore

@Suite("What the client reads and says") struct ClientTextTests {
    @Test("selectors are read as kubectl writes them")
    func selectors() throws {
        let (labels, expressions) = try SelectorText.parse("a=b, c==d,e!=f,g,!h, i in (x, y),j notin (z),k.io/l=")
        #expect(labels == ["a": "b", "c": "d", "k.io/l": ""])
        #expect(
            JSONValue.array(expressions) == [
                ["key": "e", "operator": "NotIn", "values": ["f"]], ["key": "g", "operator": "Exists"],
                ["key": "h", "operator": "DoesNotExist"], ["key": "i", "operator": "In", "values": ["x", "y"]],
                ["key": "j", "operator": "NotIn", "values": ["z"]],
            ]
        )
    }

    @Test("selectors that are not understood are wrong usage", arguments: ["a b", "a,,b", "a > b", "in (x) y"])
    func badSelectors(text: String) {
        let failure = #expect(throws: CommandFailure.self) { try SelectorText.parse(text) }
        #expect(failure?.code == .usage)
    }

    @Test(
        "pointers are shown as fields",
        arguments: [
            ("", "request"), ("/images/3", "images[3]"),
            ("/registryCredentials/0/password", "registryCredentials[0].password"),
            ("/labels/a.b~1c", "labels[\"a.b/c\"]"), ("nonsense", "request"),
        ]
    )
    func fields(pointer: String, field: String) {
        #expect(ProblemReport.field(pointer) == field)
    }

    @Test("problems list every fault with its field")
    func problems() {
        let body = """
            {"title": "The request is wrong", "detail": "2 faults", "status": 422, "errorCount": 5, "errors": [
             {"pointer": "/images/0", "code": "invalidReference", "detail": "the repository must be lower-case"},
             {"pointer": "/batchSize", "code": "outOfRange", "detail": "must be from 1 to 1000"}]}
            """
        let failure = ProblemReport.failure(status: 422, body: Array(body.utf8))
        #expect(failure.code == .usage)
        #expect(
            failure.message == """
                The request is wrong: 2 faults
                  images[0]: the repository must be lower-case (invalidReference)
                  batchSize: must be from 1 to 1000 (outOfRange)
                  and 3 more
                """
        )
    }

    @Test(
        "answers without a problem are still told, with the right exit code",
        arguments: [
            (400, "", CommandFailure.Code.usage), (401, "<html>", .unauthorized), (403, "", .unauthorized),
            (404, "{}", .notFound), (409, "[]", .conflict),
            (426, "null", .usage), (429, "", .unreachable), (500, "\u{1B}[2J", .unreachable),
            (503, "{\"title\":5}", .unreachable),
            (302, "", .unreachable),
        ]
    )
    func bareStatus(status: Int, body: String, code: CommandFailure.Code) {
        let failure = ProblemReport.failure(status: status, body: Array(body.utf8))
        #expect(failure.code == code)
        #expect(failure.message.contains("\(status)"))
        #expect(!failure.message.contains("\u{1B}"))
    }

    @Test("texts from elsewhere cannot rewrite the terminal")
    func printable() {
        #expect(Console.printable("a\u{1B}[2Jb\r\nc\u{202E}d\u{9B}e\u{200B}f é") == "a [2Jb  c d e f é")
    }

    @Test("values are percent-encoded")
    func encoding() {
        #expect(IntakeClient.encode("a b/c?d=é&~-._") == "a%20b%2Fc%3Fd%3D%C3%A9%26~-._")
    }

    @Test("environment variables for passwords are made of the registry's letters")
    func variables() {
        #expect(
            SecretInput.variable(for: "harbor.example.com:5000/ml") == "LONGSHORE_PASSWORD_HARBOR_EXAMPLE_COM_5000_ML"
        )
        #expect(SecretInput.variable(for: "ghcr.io") == "LONGSHORE_PASSWORD_GHCR_IO")
    }
}
