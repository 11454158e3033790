package import Curl

extension RegistryClient {
    /// What the address policy says of a registry.
    package enum HostVerdict: Sendable, Hashable {
        /// All of its addresses may be used.
        case allowed
        /// One of its addresses must not be used.
        case refused(AddressPolicy.Reason)
        /// The name did not resolve in time, or is none.
        case unknown
    }

    /// Resolves a registry's name and judges its addresses, without connecting to it.
    ///
    /// - Parameters:
    ///   - host: `host[:port]`, as image references have it.
    ///   - timeout: The longest time for the name's resolution.
    /// - Returns: ``HostVerdict/unknown`` where there is no answer; without a policy everything is allowed.
    package func verdict(onHost host: String, timeout: Duration) async -> HostVerdict {
        guard configuration.addressPolicy != nil else { return .allowed }
        if let reason = refusal(ofHost: host) { return .refused(reason) }
        guard let endpoint = try? endpoint(host) else { return .unknown }
        var request = CurlRequest(url: "\(endpoint.origin)/", connectTimeout: timeout)
        request.addressPolicy = configuration.addressPolicy
        do throws(CurlError) {
            try await http.judgeAddress(of: request)
            return .allowed
        } catch {
            return error.refusal.map { .refused($0) } ?? .unknown
        }
    }

    /// The address policy's refusal of a registry whose host is an address in one of its spellings, or a name of this
    /// machine; nil for other names. Nothing is resolved or sent.
    package func refusal(ofHost host: String) -> AddressPolicy.Reason? {
        guard let policy = configuration.addressPolicy else { return nil }
        if let reason = policy.refusal(ofAddressIn: "https://\(host)/") { return reason }
        guard let (name, _) = RegistryEndpoint.split(host.lowercased()) else { return nil }
        // A dot at the end makes a name absolute; some resolvers read an address before it all the same.
        let bare = name.hasSuffix(".") ? String(name.dropLast()) : name
        if RegistryEndpoint.isLoopback(bare) { return policy.refusal(among: [.v4(0x7F00_0001)]) }
        return bare == name ? nil : policy.refusal(ofAddressIn: "https://\(bare)/")
    }
}
