import LongshoreDomain
import Redaction
import Testing

@Suite("Credential matching") struct CredentialMatchingTests {
    private static func credential(_ scope: String) throws -> RegistryCredential {
        RegistryCredential(scope: try RegistryScope(parsing: scope), source: .secretRef(name: scope))
    }

    @Test(
        "takes the most specific scope, whatever the order",
        arguments: [
            ("harbor.io/ml/train:1", "harbor.io/ml/train"), ("harbor.io/ml/infer", "harbor.io/ml"),
            ("harbor.io/mlx/a", "harbor.io"), ("harbor.io/b", "harbor.io"), ("nginx", "docker.io"),
            ("harbor.io:443/ml/a", nil), ("quay.io/ml/train", nil),
        ] as [(String, String?)]
    )
    func mostSpecific(image: String, scope: String?) throws {
        let credentials = try ["harbor.io", "harbor.io/ml", "docker.io", "harbor.io/ml/train"].map(Self.credential)
        let reference = try ImageReference(parsing: image)
        for order in [credentials, credentials.reversed()] {
            #expect(order.credential(for: reference)?.scope.key == scope)
        }
    }

    @Test("never shows a secret in a description")
    func descriptions() throws {
        let password = "correct horse battery"
        let sources: [CredentialSource] = [
            .basic(username: "robot", password: SecretBytes(utf8: password)),
            .identityToken(SecretBytes(utf8: password)),
            .dockerConfigJSON(SecretBytes(utf8: password)),
        ]
        for source in sources {
            let credential = RegistryCredential(scope: try RegistryScope(parsing: "h.io"), source: source)
            var dumped = ""
            dump(credential, to: &dumped)
            #expect(!"\(credential)\(String(reflecting: credential))\(dumped)".contains(password))
            #expect(source.isPlaintext)
        }
    }
}
