import LongshoreDomain
import Testing
import WireFormats

@Suite("A request's images") struct RequestImagesTests {
    @Test("are required")
    func required() {
        #expect(faults([:]) == ["/images required"])
        #expect(faults(["images": nil]) == ["/images required"])
        #expect(faults(["images": []]) == ["/images required"])
        #expect(faults(["images": "nginx"]) == ["/images wrongType"])
        #expect(faults(["images": ["a": "nginx"]]) == ["/images wrongType"])
    }

    @Test("are each checked")
    func each() {
        let images: JSONValue = [
            "nginx", 1, nil, true, [], "bad image", "", ["image": "a"], ["image": 1], [:], ["image": "a:1", "x": 1],
            ["image": "UPPER", "secretRef": "x"], ["image": "b", "secretRef": ["name": "No!"]],
            ["image": "c", "secretRef": [:]], ["image": "d", "secretRef": ["name": "s", "namespace": "n"]],
        ]
        #expect(
            faults(["images": images]) == [
                "/images/1 wrongType", "/images/2 wrongType", "/images/3 wrongType", "/images/4 wrongType",
                "/images/5 invalidReference", "/images/6 invalidReference", "/images/8/image wrongType",
                "/images/9/image required", "/images/10/x unknownField", "/images/11/secretRef wrongType",
                "/images/11/image invalidReference", "/images/12/secretRef/name invalidValue",
                "/images/13/secretRef/name required", "/images/14/secretRef/namespace unknownField",
            ]
        )
    }

    @Test("are each named once, in whatever form")
    func duplicates() {
        #expect(
            faults(["images": ["nginx", "docker.io/library/nginx:latest", "nginx:1", "index.docker.io/nginx"]])
                == ["/images/1 duplicate", "/images/3 duplicate"]
        )
    }

    @Test("are at most a hundred")
    func hundred() {
        func images(_ count: Int) -> JSONValue { .array((0..<count).map { .string("img-\($0)") }) }
        #expect(faults(["images": images(100)]) == [])
        #expect(faults(["images": images(101)]) == ["/images tooMany"])
        #expect(faults(["images": images(10_000)]) == ["/images tooMany"])
    }

    @Test("give a bounded list of faults however many are wrong")
    func bounded() throws {
        let images = JSONValue.array((0..<10_000).map { .string("BAD IMAGE \($0)") })
        // What is over a limit is not looked at: a hundred images and as many nodes as may be named are.
        let nodes: JSONValue = ["names": .array((0..<10_000).map { .string("BAD NODE \($0)") })]
        let error = #expect(throws: RequestFaults.self) {
            try TaskRequest.parse(["images": images, "nodes": nodes], channel: .http)
        }
        #expect(error?.faults.count == RequestFaults.maximumListed)
        #expect(error?.totalCount == 1 + 100 + 1 + 5_000)
        #expect(error?.isTruncated == true)
        #expect(error?.faults.first?.kind == .tooMany)
        #expect(error?.description.hasSuffix("and 4902 more") == true)
    }
}
