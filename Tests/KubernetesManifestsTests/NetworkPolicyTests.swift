import Curl
import KubernetesAPI
import LongshoreDomain
import TestSupport
import Testing
import WireFormats

/// The folder of this package.
private let root = String(#filePath.split(separator: "/Tests/")[0])

/// Which connections the manifests' NetworkPolicies let each service open.
@Suite(.timeLimit(.minutes(2))) struct NetworkPolicyTests {
    /// The rules for one service's connections: those of every policy that selects its Pods.
    private struct Egress {
        var rules: [JSONValue]

        init(_ component: String, namespace: String, folder: String = "base") async throws {
            let path = "\(root)/compose/kubernetes/\(folder)"
            let result = try await TestProcess.run("kubectl", ["kustomize", path])
            let labels = ["app.kubernetes.io/name": "longshore", "app.kubernetes.io/component": component]
            let policies = try YAMLDocument.parseAll(result.standardOutput).filter { object in
                object["kind"] == "NetworkPolicy" && object["metadata"]?["namespace"]?.string == namespace
                    && Self.selects(object["spec"]?["podSelector"] ?? [:], labels)
            }
            #expect(policies.contains { $0["spec"]?["egress"] == nil && $0["spec"]?["podSelector"] == [:] })
            rules = policies.flatMap { $0["spec"]?["egress"]?.array ?? [] }
        }

        private static func selects(_ selector: JSONValue, _ labels: [String: String]) -> Bool {
            let wanted = selector["matchLabels"]?.object ?? [:]
            let matchesLabels = wanted.allSatisfy { labels[$0.key] == $0.value.string }
            let expressions = selector["matchExpressions"]?.array ?? []
            return matchesLabels
                && expressions.allSatisfy { expression in
                    #expect(expression["operator"] == "In")
                    return expression.strings("values").contains(labels[expression["key"]?.string ?? ""] ?? "")
                }
        }

        /// Whether a TCP connection to an address outside of the cluster is let through.
        func allows(_ address: String, _ port: Int) throws -> Bool {
            let address = try #require(IPAddress(address))
            return rules.contains { rule in
                let ports = rule["ports"]?.array
                guard ports?.contains(where: { $0["port"]?.integer == port && $0["protocol"] == "TCP" }) ?? true else {
                    return false
                }
                guard let peers = rule["to"]?.array else { return true }
                return peers.contains { Self.isIn($0["ipBlock"] ?? [:], address) }
            }
        }

        /// Whether a TCP connection to a Pod of the cluster is let through.
        func allowsPods(_ port: Int) -> Bool {
            rules.contains { rule in
                let ports = rule["ports"]?.array
                guard ports?.contains(where: { $0["port"]?.integer == port && $0["protocol"] == "TCP" }) ?? true else {
                    return false
                }
                return rule["to"]?.array?.contains { $0["namespaceSelector"] == [:] } ?? true
            }
        }

        private static func isIn(_ block: JSONValue, _ address: IPAddress) -> Bool {
            guard let network = block["cidr"]?.string.flatMap({ CIDR($0) }), network.contains(address) else {
                return false
            }
            let exceptions = block.strings("except").compactMap { CIDR($0) }
            #expect(exceptions.count == block.strings("except").count)
            // The API server refuses an exception that is not within its block.
            for exception in exceptions { #expect(network.contains(exception), "\(exception) in \(network)") }
            return !exceptions.contains { $0.contains(address) }
        }
    }

    private static let privateAddresses = ["10.1.2.3", "172.20.0.1", "192.168.1.1", "100.64.0.1", "fd00::1"]
    private static let publicAddresses = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111"]
    /// What no service has anything to look for at.
    private static let specialAddresses =
        ["127.0.0.1", "::1", "0.0.0.0", "169.254.1.1", "fe80::1"]
        + CloudMetadata.services.compactMap { CIDR($0.address)?.address.description }
    private static let ports = [22, 80, 443, 2379, 5432, 6443, 8080, 9092, 10250]

    @Test func `the notifier reaches subscribers outside private networks, and its own parts on their ports`()
        async throws
    {
        let egress = try await Egress("notifier", namespace: "longshore-system")
        for address in Self.publicAddresses {
            for port in Self.ports { #expect(try egress.allows(address, port), "\(address) \(port)") }
        }
        for address in Self.privateAddresses {
            for port in Self.ports {
                #expect(try egress.allows(address, port) == [5432, 6443, 9092].contains(port), "\(address) \(port)")
            }
        }
        for port in Self.ports { #expect(egress.allowsPods(port) == [5432, 9092].contains(port), "\(port)") }
    }

    @Test(arguments: [
        ("notifier", "longshore-system"), ("intake", "longshore-system"), ("executor", "longshore"),
    ]) func `no service reaches this machine, link-local addresses or a cloud's metadata service`(
        component: String,
        namespace: String
    ) async throws {
        let egress = try await Egress(component, namespace: namespace)
        for address in Self.specialAddresses {
            for port in Self.ports { #expect(try !egress.allows(address, port), "\(address) \(port)") }
        }
        let translated = ["64:ff9b::a9fe:a9fe", "64:ff9b::6464:64c8", "64:ff9b::7f00:1", "64:ff9b::a83f:8110"]
        for address in translated {
            for port in Self.ports { #expect(try !egress.allows(address, port), "\(address) \(port)") }
        }
    }

    /// The notifier's own rule and the network's say the same of every kind of address, so that one holds when the other fails.
    @Test func `what the notifier itself refuses the network refuses on a port of no service`() async throws {
        let egress = try await Egress("notifier", namespace: "longshore-system")
        let edges = [
            "9.255.255.255", "10.0.0.0", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
            "168.63.129.15", "168.63.129.16", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255",
            "172.16.0.0", "172.32.0.0", "192.0.0.1", "192.0.1.0", "192.0.2.1", "192.88.99.1", "192.88.98.255",
            "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.18.0.0", "198.20.0.0", "198.51.100.7",
            "203.0.113.7", "203.0.114.0", "223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
            "255.255.255.255", "0.1.2.3", "1.0.0.0", "2001:db8::1", "2001::1", "2001:200::1", "2002:7f00:1::",
            "3fff::1",
            "2003::1", "4000::1", "64:ff9b::808:808", "fec0::1", "ff02::1", "100::1", "5f00::1", "::ffff:0:1",
        ]
        for address in edges + Self.privateAddresses + Self.publicAddresses + Self.specialAddresses {
            let verdict = AddressPolicy.publicOnly.verdict(for: try #require(IPAddress(address)))
            #expect(try egress.allows(address, 8443) == (verdict == .allowed), "\(address)")
        }
    }

    @Test func `the executor reaches registries and the API server, intake neither, and both their own parts`()
        async throws
    {
        let executor = try await Egress("executor", namespace: "longshore")
        let intake = try await Egress("intake", namespace: "longshore-system")
        for address in Self.publicAddresses + Self.privateAddresses {
            let isPrivate = Self.privateAddresses.contains(address)
            for port in Self.ports {
                #expect(try executor.allows(address, port) == [443, 6443, 9092].contains(port), "\(address) \(port)")
                let isIntakes = port == 9092 || (isPrivate && port == 5432)
                #expect(try intake.allows(address, port) == isIntakes, "\(address) \(port)")
            }
        }
        for port in Self.ports {
            #expect(executor.allowsPods(port) == [443, 6443, 9092].contains(port), "\(port)")
            #expect(intake.allowsPods(port) == [5432, 9092].contains(port), "\(port)")
        }
        #expect(try executor.allows("64:ff9b::808:808", 443))
    }
}
