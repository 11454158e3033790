/// The addresses at which clouds give their machines' identities and credentials to whoever asks from within.
///
/// Callers name registries and webhook receivers; no request of theirs may reach one of these. Link-local addresses
/// (169.254.0.0/16, fe80::/10) are refused as a whole, so that what matters here are those that look like any private or
/// public address.
package enum CloudMetadata {
    /// One cloud's service.
    package struct Service: Sendable, Hashable {
        /// Whose it is.
        package let cloud: String
        /// The address, or the block that the cloud keeps for its services.
        package let address: String
        /// The documentation or the source that names the address.
        package let source: String
    }

    /// All of them, link-local ones too.
    package static let services: [Service] = [
        Service(
            cloud: "AWS, Azure, Google Cloud, Oracle Cloud, IBM Cloud, DigitalOcean, Hetzner, OpenStack and others",
            address: "169.254.169.254",
            source: "cloudinit.readthedocs.io, reference/datasources"
        ),
        Service(
            cloud: "AWS ECS and EKS Pod Identity",
            address: "169.254.170.0/24",
            source: "docs.aws.amazon.com, AmazonECS task-metadata-endpoint; eks pod-id-how-it-works"
        ),
        Service(
            // IMDS is ::254, EKS Pod Identity ::23, DNS ::253, time ::123.
            cloud: "AWS over IPv6",
            address: "fd00:ec2::/32",
            source: "docs.aws.amazon.com, AWSEC2 instancedata-data-retrieval; eks pod-id-how-it-works"
        ),
        Service(
            cloud: "Google Cloud over IPv6",
            address: "fd20:ce::254",
            source: "cloud.google.com, compute/docs/metadata/querying-metadata"
        ),
        Service(
            cloud: "Azure (WireServer)",
            address: "168.63.129.16",
            source: "learn.microsoft.com, virtual-network/what-is-ip-address-168-63-129-16"
        ),
        Service(
            cloud: "Alibaba Cloud",
            address: "100.100.100.200",
            source: "alibabacloud.com, ecs/user-guide/view-instance-metadata"
        ),
        Service(
            cloud: "Alibaba Cloud over IPv6",
            address: "fd00:100::100:200",
            source: "alibabacloud.com, ecs/user-guide/view-instance-metadata"
        ),
        Service(
            cloud: "Oracle Cloud Classic",
            address: "192.0.0.192",
            source: "docs.oracle.com, en/cloud/iaas/compute-iaas-cloud, Retrieving Instance Metadata"
        ),
        Service(
            cloud: "Oracle Cloud over IPv6",
            address: "fd00:c1::a9fe:a9fe",
            source: "github.com/oracle/oci-python-sdk, auth/signers/instance_principals_security_token_signer.py"
        ),
        Service(
            cloud: "Tencent Cloud (metadata.tencentyun.com)",
            address: "169.254.0.23",
            source: "tencentcloud.com, document/product/213/4934"
        ),
        Service(
            cloud: "Scaleway",
            address: "169.254.42.42",
            source: "cloudinit.readthedocs.io, reference/datasources/scaleway"
        ),
        Service(
            cloud: "Scaleway over IPv6",
            address: "fd00:42::42",
            source: "cloudinit.readthedocs.io, reference/datasources/scaleway"
        ),
        Service(
            cloud: "Akamai (Linode) over IPv6",
            address: "fd00:a9fe:a9fe::1",
            source: "cloudinit.readthedocs.io, reference/datasources/akamai"
        ),
        Service(
            cloud: "OpenStack and Hetzner over IPv6",
            address: "fe80::a9fe:a9fe",
            source: "docs.openstack.org, nova/latest/user/metadata"
        ),
    ]
}
