import ClusterSimulator
import TestSupport
import Testing

/// Tokens of service accounts, and what they may do by roles and bindings.
@Suite(.timeLimit(.minutes(2))) struct ServiceAccountTests {
    @Test func `a service account may do what is bound to it, and nothing else`() async throws {
        try await SimulatorHarness.run { harness in
            try await harness.kubectl("create", "namespace", "other")
            try await harness.kubectl("create", "serviceaccount", "reader")
            try await harness.kubectl(
                "create",
                "role",
                "reader",
                "--verb=get,list",
                "--resource=pods,pods/log",
                "--resource=configmaps",
                "--resource-name=only"
            )
            try await harness.kubectl(
                "create",
                "rolebinding",
                "reader",
                "--role=reader",
                "--serviceaccount=default:reader"
            )
            try await harness.kubectl("create", "clusterrole", "nodes", "--verb=list", "--resource=nodes")
            try await harness.kubectl(
                "create",
                "clusterrolebinding",
                "nodes",
                "--clusterrole=nodes",
                "--group=system:serviceaccounts:default"
            )
            let missing = try await harness.kubectl("create", "token", "nobody", check: false)
            #expect(missing.error.contains("serviceaccounts \"nobody\" not found"))
            let token = try await harness.kubectl("create", "token", "reader", "--duration", "1h").output
            let admin = try #require(
                harness.simulator.kubeconfig.split(separator: "token: ").last?.prefix { $0 != "\n" }
            )
            let own = harness.simulator.kubeconfig.replacing(admin, with: token.split(separator: "\n")[0])
            let path = try harness.directory.write("reader", own)
            func call(_ arguments: String...) async throws -> (output: String, error: String) {
                try await harness.kubectl(arguments: ["--kubeconfig", path] + arguments, check: false)
            }
            #expect(try await call("auth", "whoami").output.contains("system:serviceaccount:default:reader"))
            #expect(try await call("get", "configmaps", "only").error.contains("\"only\" not found"))
            #expect(try await call("get", "nodes", "-o", "name").output == "node/node-1\n")
            #expect(try await call("auth", "can-i", "list", "nodes").output.hasPrefix("yes"))
            #expect(try await call("auth", "can-i", "create", "pods").output.hasPrefix("no"))
            let refused = [
                ["get", "secrets"]:
                    #"secrets is forbidden: User "system:serviceaccount:default:reader" cannot list resource "secrets" in API group "" in the namespace "default""#,
                ["get", "node", "node-1"]:
                    #"nodes "node-1" is forbidden: User "system:serviceaccount:default:reader" cannot get resource "nodes" in API group "" at the cluster scope"#,
                ["get", "configmaps", "another"]: #"configmaps "another" is forbidden"#,
                ["get", "pods", "-n", "other"]: #"pods is forbidden"#,
                ["delete", "namespace", "other"]: #"namespaces "other" is forbidden"#,
            ]
            for (arguments, words) in refused {
                let error = try await harness.kubectl(arguments: ["--kubeconfig", path] + arguments, check: false).error
                #expect(error.contains(words), "\(arguments): \(error)")
            }
        }
    }
}
