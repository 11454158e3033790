import KubernetesAPI
import Testing
import WireFormats

@Suite struct YAMLDocumentTests {
    @Test func `scalars have the types that Kubernetes' tools give them`() throws {
        let value = try YAMLDocument.parse(
            """
            text: hello
            quoted: "5"
            number: 5
            negative: -3
            float: 1.5
            exponent: 1e3
            mode: 0644
            yes: true
            no: False
            nothing:
            tilde: ~
            version: v1
            dotted: 1.2.3
            quantity: 5Gi
            date: 2026-11-20
            block: |
              a
              b
            last: x
            """
        )
        #expect(value["text"] == "hello")
        #expect(value["quoted"] == "5")
        #expect(value["number"] == 5)
        #expect(value["negative"] == -3)
        #expect(value["float"] == 1.5)
        #expect(value["exponent"]?.double == 1_000)
        #expect(value["mode"] == 420)
        #expect(value["yes"] == true)
        #expect(value["no"] == false)
        #expect(value["nothing"] == .null)
        #expect(value["tilde"] == .null)
        #expect(value["version"] == "v1")
        #expect(value["dotted"] == "1.2.3")
        #expect(value["quantity"] == "5Gi")
        #expect(value["date"] == "2026-11-20")
        #expect(value["block"] == "a\nb\n")
    }

    @Test func `anchors and flow style are read`() throws {
        let value = try YAMLDocument.parse("a: &x {b: [1, two]}\nc: *x")
        #expect(value == ["a": ["b": [1, "two"]], "c": ["b": [1, "two"]]])
    }

    @Test func `many documents are read, empty ones left out`() throws {
        #expect(try YAMLDocument.parseAll("---\na: 1\n---\n---\nb: 2\n") == [["a": 1], ["b": 2]])
        #expect(throws: KubernetesError.self) { try YAMLDocument.parse("a: 1\n---\nb: 2") }
        #expect(try YAMLDocument.parse("") == .null)
    }

    @Test func `faults name the line and quote nothing`() {
        let error = #expect(throws: KubernetesError.self) { try YAMLDocument.parse("token: hunter2\n  bad: [") }
        #expect(error?.reason == .configuration)
        #expect(error?.message.contains("hunter2") == false)
        #expect(error?.message.contains("line") == true)
    }

    @Test func `an alias that multiplies is refused`() {
        var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1...9 {
            text += "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ","))]\n"
        }
        #expect(throws: KubernetesError.self) { try YAMLDocument.parse(text) }
    }
}
