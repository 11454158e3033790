import Redaction
import Testing
import WireFormats

@testable import IntakeService

struct RequestRedactionTests {
    @Test
    func `What describes the work stays, what may be a secret goes`() {
        let redacted = RequestRedaction.redact([
            "images": ["nginx", ["image": "quay.io/a", "secretRef": ["name": "s"]]], "priority": 5, "project": "ci",
            "registryCredentials": [
                ["registry": "quay.io", "username": "u", "password": "hunter2"],
                ["registry": "quay.io", "sealed": ["keyId": "00ff", "enc": "e", "ciphertext": "c"]],
            ],
            "password": "hunter2",
        ])
        #expect(redacted["images"] == ["nginx", ["image": "quay.io/a", "secretRef": ["name": "s"]]])
        #expect(redacted["priority"] == 5)
        #expect(redacted["project"] == "ci")
        #expect(redacted["password"] == "<redacted>")
        #expect(redacted["registryCredentials"]?[0]?["registry"] == "quay.io")
        #expect(redacted["registryCredentials"]?[0]?["password"] == "<redacted>")
        #expect(redacted["registryCredentials"]?[1]?["sealed"] == ["keyId": "00ff"])
    }

    /// A secret in every place where a client could put one by mistake.
    @Test(
        arguments: [
            "hunter2hunter2", ["hunter2hunter2"], ["images": "hunter2hunter2"], ["images": ["HUNTER2 hunter2hunter2"]],
            ["images": [["image": ["hunter2hunter2"]]]], ["images": [["image": "nginx", "token": "hunter2hunter2"]]],
            ["images": [["image": "nginx", "secretRef": "hunter2hunter2"]]],
            ["passwrod": "hunter2hunter2"], ["priority": "hunter2hunter2"], ["project": "Hunter2 hunter2hunter2"],
            ["labels": ["a": "hunter2hunter2"]], ["nodes": ["names": ["hunter2hunter2"]]], ["hunter2hunter2 ": 1],
            ["registryCredentials": "hunter2hunter2"], ["registryCredentials": ["hunter2hunter2"]],
            ["registryCredentials": [["registry": ["hunter2hunter2"]]]],
            ["registryCredentials": [["registry": "://hunter2hunter2@"]]],
            ["registryCredentials": [["passwords": ["hunter2hunter2"]]]],
            ["registryCredentials": [["dockerConfigJson": ["auths": ["x": ["auth": "hunter2hunter2"]]]]]],
            ["registryCredentials": [["identityToken": "hunter2hunter2"]]],
            ["registryCredentials": [["registry": "quay.io", "secretRef": "hunter2hunter2"]]],
            ["registryCredentials": [["registry": "quay.io", "secretRef": ["name": "Hunter2 hunter2hunter2"]]]],
            ["registryCredentials": [["registry": "quay.io", "sealed": ["keyId": "hunter2hunter2"]]]],
            ["images": [["image": "nginx", "secretRef": ["name": "hunter2hunter2!"]]]],
            ["registryCredentials": ["username": "u", "password": "hunter2hunter2"]],
            ["webhookUrl": "https://x/?token=hunter2hunter2"], ["overrides": [["secret": "hunter2hunter2"]]],
        ] as [JSONValue]
    )
    func `No secret survives wherever it stands`(request: JSONValue) {
        let text = RequestRedaction.redact(request).text()
        #expect(!text.contains("hunter2hunter2"), "\(text)")
    }

    @Test
    func `The secrets of a request are known, and what describes the work is none`() {
        let secrets = RequestRedaction.secrets(in: [
            "images": ["nginx"], "labels": ["env": "production"], "password": "hunter2-a",
            "passwrod": ["x": "hunter2-b"],
            "registryCredentials": [
                ["registry": "quay.io", "username": "robot", "password": "hunter2-c"],
                ["dockerConfigJson": ["auths": ["x": ["auth": "hunter2-d"]]]],
            ],
            "webhookUrl": "https://x/?token=hunter2-e",
        ])
        let texts = Set(secrets.compactMap { $0.exposeUTF8() })
        #expect(texts == ["hunter2-a", "hunter2-b", "hunter2-c", "hunter2-d", "https://x/?token=hunter2-e"])
    }
}
