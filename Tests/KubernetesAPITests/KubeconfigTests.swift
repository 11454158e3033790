import Redaction
import TestSupport
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite struct KubeconfigTests {
    private func load(
        _ kubeconfig: String?,
        context: String? = nil,
        environment: [String: String] = [:]
    ) throws(KubernetesError) -> KubernetesConfiguration {
        try KubernetesConfiguration.load(
            kubeconfig: kubeconfig,
            context: context,
            environment: environment,
            serviceAccountDirectory: "/nonexistent"
        )
    }

    private static let two = """
        apiVersion: v1
        kind: Config
        current-context: one
        contexts:
        - name: one
          context: {cluster: c1, user: u1, namespace: team}
        - name: two
          context: {cluster: c2, user: u2}
        clusters:
        - name: c1
          cluster: {server: "https://one.example.com:6443/", certificate-authority-data: Q0E=}
        - name: c2
          cluster:
            server: https://10.0.0.1/k8s/clusters/c-1
            insecure-skip-tls-verify: true
            tls-server-name: api.example.com
        users:
        - name: u1
          user: {token: s3cr3t}
        - name: u2
          user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}
        """

    @Test func `contexts are found`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("config", Self.two)
        let one = try load(path)
        #expect(one.server == "https://one.example.com:6443")
        #expect(one.defaultNamespace == "team")
        #expect(one.tls.caPEM == Array("CA".utf8))
        #expect(!one.tls.skipsVerification)
        guard case .token(let token) = one.authentication else {
            Issue.record("no token")
            return
        }
        #expect(token.exposeUTF8() == "s3cr3t")
        #expect(!"\(one)".contains("s3cr3t"))
        let two = try load(path, context: "two")
        #expect(two.server == "https://10.0.0.1/k8s/clusters/c-1")
        #expect(two.tls.serverName == "api.example.com")
        #expect(two.tls.skipsVerification)
        #expect(two.defaultNamespace == "default")
        #expect(two.tls.clientCertificate?.certificatePEM == Array("CERT".utf8))
        #expect(two.tls.clientCertificate?.key.exposeUTF8() == "KEY")
    }

    @Test func `relative paths start at the file that has them`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("ca.pem", "ca")
        try directory.write("cert.pem", "cert")
        try directory.write("key.pem", "key")
        let path = try directory.write(
            "config",
            """
            current-context: x
            contexts: [{name: x, context: {cluster: c, user: u}}]
            clusters: [{name: c, cluster: {server: "https://h", certificate-authority: ca.pem}}]
            users: [{name: u, user: {client-certificate: cert.pem, client-key: key.pem, tokenFile: token, token: unused}}]
            """
        )
        let configuration = try load(path)
        #expect(configuration.tls.caPEM == Array("ca".utf8))
        #expect(configuration.tls.clientCertificate?.key.exposeUTF8() == "key")
        guard case .tokenFile(let file) = configuration.authentication else {
            Issue.record("no token file")
            return
        }
        #expect(file == directory.appending("token"))
    }

    @Test func `of many files the first to name something wins`() throws {
        let directory = try TemporaryDirectory()
        let first = try directory.write(
            "first",
            """
            contexts: [{name: one, context: {cluster: c2, user: u1}}]
            users: [{name: u1, user: {token: first}}]
            """
        )
        let second = try directory.write("second", Self.two)
        let list = "\(directory.appending("missing")):\(first):\(second)"
        let configuration = try load(nil, environment: ["KUBECONFIG": list])
        #expect(configuration.server == "https://10.0.0.1/k8s/clusters/c-1")
        guard case .token(let token) = configuration.authentication else {
            Issue.record("no token")
            return
        }
        #expect(token.exposeUTF8() == "first")
    }

    @Test func `the home folder and then the Pod's account are tried`() throws {
        let home = try TemporaryDirectory()
        #expect(throws: KubernetesError.self) { try load(nil, environment: ["HOME": home.path]) }
        let account = try TemporaryDirectory()
        try account.write("token", "t")
        try account.write("ca.crt", "ca")
        try account.write("namespace", "longshore\n")
        var configuration = try KubernetesConfiguration.load(
            kubeconfig: nil,
            context: nil,
            environment: [
                "HOME": home.path, "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443",
            ],
            serviceAccountDirectory: account.path
        )
        #expect(configuration.server == "https://[fd00::1]:6443")
        #expect(configuration.defaultNamespace == "longshore")
        #expect(configuration.tls.caPEM == Array("ca".utf8))
        guard case .tokenFile = configuration.authentication else {
            Issue.record("no token file")
            return
        }
        try writeFolder(home.appending(".kube"))
        try writeFile(home.appending(".kube/config"), Self.two)
        configuration = try load(nil, environment: ["HOME": home.path, "KUBERNETES_SERVICE_HOST": "10.0.0.1"])
        #expect(configuration.server == "https://one.example.com:6443")
    }

    @Test func `a plugin is read`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(
            "config",
            """
            current-context: x
            contexts: [{name: x, context: {cluster: c, user: u}}]
            clusters: [{name: c, cluster: {server: "https://h"}}]
            users:
            - name: u
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/v1
                  command: ./bin/login
                  args: [--cluster, x]
                  env: [{name: A, value: "1"}]
                  provideClusterInfo: true
                  interactiveMode: IfAvailable
                  installHint: get it
            """
        )
        guard case .exec(let plugin) = try load(path).authentication else {
            Issue.record("no plugin")
            return
        }
        #expect(plugin.command == "\(directory.path)/./bin/login")
        #expect(plugin.arguments == ["--cluster", "x"])
        #expect(plugin.environment == ["A": "1"])
        #expect(plugin.providesClusterInfo)
        #expect(plugin.installHint == "get it")
    }

    static let faults: [(String, String)] = [
        ("contexts: []", "current-context"),
        ("current-context: x", "no context \"x\""),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "no cluster \"c\""),
        ("- a\n- b", "not a kubeconfig"),
        ("{{{", "YAML"),
        (Self.faulty(user: "{}", cluster: "{}"), "no server"),
        (Self.faulty(user: "{}", cluster: "{server: h, proxy-url: 'http://p'}"), "proxy"),
        (Self.faulty(user: "{client-certificate-data: Q0E=}"), "without a key"),
        (Self.faulty(user: "{client-certificate-data: hunter2!, client-key-data: S0VZ}"), "not base64"),
        (Self.faulty(user: "{client-certificate: /nonexistent, client-key-data: S0VZ}"), "/nonexistent"),
        (Self.faulty(user: "{exec: {command: a, apiVersion: client.authentication.k8s.io/v1alpha1}}"), "v1alpha1"),
        (Self.faulty(user: "{exec: {apiVersion: client.authentication.k8s.io/v1}}"), "no command"),
        (
            Self.faulty(
                user: "{exec: {command: a, interactiveMode: Always, apiVersion: client.authentication.k8s.io/v1}}"
            ), "terminal"
        ),
        (Self.faulty(user: "{auth-provider: {name: gcp}}"), "auth-provider"),
    ]

    private static func faulty(user: String, cluster: String = "{server: 'https://h'}") -> String {
        """
        current-context: x
        contexts: [{name: x, context: {cluster: c, user: u}}]
        clusters: [{name: c, cluster: \(cluster)}]
        users: [{name: u, user: \(user)}]
        """
    }

    @Test(arguments: faults) func `a fault names the file and what is wrong`(text: String, part: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("config", text)
        let error = #expect(throws: KubernetesError.self) { try load(path) }
        #expect(error?.reason == .configuration)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test func `a missing file is named`() {
        let error = #expect(throws: KubernetesError.self) { try load("/nonexistent/config") }
        #expect(error?.message.contains("/nonexistent/config") == true)
    }
}
