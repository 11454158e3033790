import Testing

@testable import KubernetesAPI

@Suite struct APIRequestTests {
    private func path<R: KubernetesResource>(
        _ type: R.Type,
        namespace: String? = nil,
        name: String? = nil,
        subresource: String? = nil
    ) -> String {
        APIRequest(
            type,
            verb: "get",
            method: "GET",
            namespace: namespace,
            name: name,
            subresource: subresource,
            isRepeatable: true
        ).target
    }

    @Test func `paths are those of the API`() {
        #expect(path(Pod.self) == "/api/v1/pods")
        #expect(path(Pod.self, namespace: "ns") == "/api/v1/namespaces/ns/pods")
        #expect(path(Pod.self, namespace: "ns", name: "p") == "/api/v1/namespaces/ns/pods/p")
        #expect(path(Job.self, namespace: "ns", name: "j") == "/apis/batch/v1/namespaces/ns/jobs/j")
        #expect(path(Job.self, namespace: "n", name: "j", subresource: "status").hasSuffix("/jobs/j/status"))
        #expect(path(Node.self, namespace: "ignored", name: "n") == "/api/v1/nodes/n")
        #expect(path(Lease.self, namespace: "n", name: "l") == "/apis/coordination.k8s.io/v1/namespaces/n/leases/l")
    }

    @Test(arguments: [
        ("a/b", "a%2Fb"), ("..", "%2E%2E"), (".", "%2E"), ("a?b=c", "a%3Fb%3Dc"), ("a b", "a%20b"), ("ä", "%C3%A4"),
        ("a%2Fb", "a%252Fb"), ("a#b", "a%23b"), ("a\r\nb", "a%0D%0Ab"), ("a.b-c_d~e", "a.b-c_d~e"),
    ])
    func `no name can leave its place in a path`(name: String, encoded: String) {
        #expect(path(Pod.self, namespace: "ns", name: name) == "/api/v1/namespaces/ns/pods/\(encoded)")
    }

    @Test func `selectors are encoded`() {
        var request = APIRequest(Pod.self, verb: "list", method: "GET", namespace: nil, isRepeatable: true)
        request.query = ListOptions(labelSelector: "a=b,c in (d,e)", limit: 5, continueToken: "t+/=").listQuery
        #expect(
            request.target
                == "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%2Ce%29&limit=5&continue=t%2B%2F%3D"
        )
    }

    @Test func `a continue token excludes a version`() {
        let options = ListOptions(continueToken: "t", resourceVersion: "5")
        #expect(options.listQuery.map(\.name) == ["continue"])
        #expect(ListOptions(resourceVersion: "5").listQuery.map(\.name) == ["resourceVersion"])
    }
}
