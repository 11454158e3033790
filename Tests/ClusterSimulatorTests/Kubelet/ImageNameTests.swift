import Testing

@testable import ClusterSimulator

@Suite struct ImageNameTests {
    @Test(arguments: [
        ("nginx", "docker.io/library/nginx:latest", "registry-1.docker.io"),
        ("nginx:1.27", "docker.io/library/nginx:1.27", "registry-1.docker.io"),
        ("user/app", "docker.io/user/app:latest", "registry-1.docker.io"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest", "registry-1.docker.io"),
        ("localhost/a", "localhost/a:latest", "localhost"),
        ("localhost:5000/a/b:t", "localhost:5000/a/b:t", "localhost:5000"),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000"),
        ("h.io/a__b/c-d.e:T_1", "h.io/a__b/c-d.e:T_1", "h.io"),
    ])
    func `References are normalised as Docker does`(_ text: String, _ canonical: String, _ host: String) throws {
        let name = try #require(ImageName(parsing: text))
        #expect(name.canonical == canonical)
        #expect(name.registryHost == host)
    }

    @Test func `A digest stands beside or in place of a tag`() throws {
        let digest = "sha256:" + String(repeating: "a", count: 64)
        let both = try #require(ImageName(parsing: "h.io/a:1@\(digest)"))
        #expect(both.canonical == "h.io/a:1@\(digest)")
        #expect(both.reference == digest)
        #expect(ImageName(parsing: "h.io/a@\(digest)")?.canonical == "h.io/a@\(digest)")
    }

    @Test(arguments: [
        "", "A", "a/B", "h.io/", "h.io//a", "a:", "a:-x", "a@sha256:12", "-a", "a-", "a..b", "a___b", "h.io:x/a",
        "http://h.io/a", "a b", "é", String(repeating: "f", count: 64), "a@b@c", "[::1/a",
    ])
    func `What is no reference is refused`(_ text: String) {
        #expect(ImageName(parsing: text) == nil)
    }

    @Test(arguments: [
        ("a", "Always"), ("a:latest", "Always"), ("a:1", "IfNotPresent"),
        ("a@sha256:" + String(repeating: "0", count: 64), "IfNotPresent"),
    ])
    func `The pull policy follows from the tag`(_ text: String, _ policy: String) {
        #expect(ImageName.defaultPullPolicy(text) == policy)
    }
}
