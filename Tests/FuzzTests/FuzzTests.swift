import Testing

/// Decoders of what others send, given samples and thousands of changed ones.
///
/// A run is the same for the same seed and number of inputs; `FuzzSettings` says how to run longer.
@Suite struct FuzzTests {
    @Test func `JSON texts`() throws { try fuzz(.json) }
    @Test func `image references`() throws { try fuzz(.imageReference) }
    @Test func `registries of credentials`() throws { try fuzz(.registryScope) }
    @Test func `requests`() throws { try fuzz(.request) }
    @Test func `Docker configurations`() throws { try fuzz(.dockerConfig) }
    @Test func `sealed credentials`() throws { try fuzz(.sealedCredential) }
    @Test func `CloudEvents in both Kafka modes`() throws { try fuzz(.cloudEvent) }
    @Test func `messages of our own topics`() throws { try fuzz(.taskMessage) }
    @Test func `Kubernetes watches`() throws { try fuzz(.watch) }
    @Test func `YAML files`() throws { try fuzz(.yaml) }
    @Test func `challenges of registries`() throws { try fuzz(.challenge) }
    @Test func `pauses that servers ask for`() throws { try fuzz(.retryAfter) }
    @Test func `URLs of webhooks and registries`() throws { try fuzz(.webhookURL) }
    @Test func `texts with secrets in them`() throws { try fuzz(.scrubber) }
}
