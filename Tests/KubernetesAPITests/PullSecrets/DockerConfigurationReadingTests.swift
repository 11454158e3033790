import Redaction
import Testing
import WireFormats

@testable import KubernetesAPI

/// The cases of the kubelet's own tests (`config_test.go`, `secrets/secrets_test.go`), and those that people write.
@Suite struct DockerConfigurationReadingTests {
    private func secret(_ content: String, type: String, key: String) -> Secret {
        Secret(
            metadata: ObjectMeta(name: "s", namespace: "ns"),
            type: type,
            data: [key: SecretBytes(utf8: content)]
        )
    }

    private func read(
        _ content: String,
        type: String = Secret.dockerConfigJSONType,
        key: String = Secret.dockerConfigJSONKey,
        image: String = "h.io/a"
    ) throws -> [String] {
        var ring = KubeletKeyring()
        try ring.add(secret(content, type: type, key: key))
        return ring.credentials(for: image).map { "\($0.username)/\($0.password.exposeUTF8() ?? "?")/\($0.source)" }
    }

    @Test(arguments: [
        (#"{"username": "foo", "password": "bar", "email": "foo@example.com"}"#, "foo", "bar"),
        (#"{"auth": "Zm9vOmJhcg==", "email": "foo@example.com"}"#, "foo", "bar"),
        // `auth` wins over what stands beside it, however old that is.
        (#"{"username": "foo", "password": "bar", "auth": "cGluZzpwb25n"}"#, "ping", "pong"),
        (#"{"username": "foo", "password": "bar", "auth": ""}"#, "foo", "bar"),
        (#"{"username": "foo", "password": "bar", "auth": null}"#, "foo", "bar"),
        // Without padding, with line breaks, with spare bits.
        (#"{"auth": "Zm9vOmJhcg"}"#, "foo", "bar"),
        (#"{"auth": "Zm9vOm\nJhcg==\n"}"#, "foo", "bar"),
        (#"{"auth": "Zm9v\r\nOmJhcg=\r\n=\r\n"}"#, "foo", "bar"),
        (#"{"auth": "Zm9vOmJhch=="}"#, "foo", "bar"),
        (#"{"auth": "Zm9vOmJhcgo="}"#, "foo", "bar\n"),
        (#"{"auth": "cm9ib3QkbWw6cGE6c3M="}"#, "robot$ml", "pa:ss"),
        // What the kubelet knows nothing of is passed over.
        (#"{"auth": "Zm9vOmJhcg==", "identitytoken": 7, "x": [{"y": null}]}"#, "foo", "bar"),
        (#"{"Username": "foo", "PASSWORD": "bar"}"#, "foo", "bar"),
        (#"{"username": "x", "username": "foo", "password": "b\u0061r"}"#, "foo", "bar"),
        // Empty entries are credentials too: those of nobody.
        ("{}", "", ""), ("null", "", ""), (#"{"identitytoken": "t"}"#, "", ""), (#"{"auth": "OmJhcg=="}"#, "", "bar"),
    ])
    func `an entry is read as the kubelet reads it`(entry: String, username: String, password: String) throws {
        #expect(try read(#"{"auths": {"h.io": \#(entry)}}"#) == ["\(username)/\(password)/ns/s"])
        let old = try read(#"{"h.io": \#(entry)}"#, type: Secret.dockercfgType, key: Secret.dockercfgKey)
        #expect(old == ["\(username)/\(password)/ns/s"])
    }

    @Test(arguments: [
        (#"{"auth": "pants"}"#, "illegal base64 data at input byte 4"),
        (#"{"auth": "Zm9vOmJhcg== "}"#, "illegal base64 data at input byte 12"),
        (#"{"auth": "Zm9vOmJhcg="}"#, "illegal base64 data at input byte 11"),
        (#"{"auth": "%%%"}"#, "illegal base64 data at input byte 0"),
        (#"{"auth": "Zm9v_mJhcg=="}"#, "illegal base64 data at input byte 4"),
        (#"{"auth": "cGFudHM="}"#, "unable to parse auth field, must be formatted as base64(username:password)"),
        (#"{"auth": "\n"}"#, "unable to parse auth field, must be formatted as base64(username:password)"),
        (
            #"{"email": false}"#,
            "json: cannot unmarshal bool into Go struct field dockerConfigEntryWithAuth.email of type string"
        ),
        ("7", "json: cannot unmarshal number into Go value of type credentialprovider.dockerConfigEntryWithAuth"),
    ])
    func `what the kubelet refuses the whole Secret for`(entry: String, message: String) {
        let good = #""h.io": {"auth": "Zm9vOmJhcg=="}"#
        for text in [#"{"auths": {"x.io": \#(entry), \#(good)}}"#, #"{"auths": {\#(good), "x.io": \#(entry)}}"#] {
            let error = #expect(throws: KubeletKeyring.UnreadableSecret.self) { try read(text) }
            #expect(error?.message == message)
        }
    }

    @Test(arguments: [
        #"{"auths": []}"#, #"{"auths": "x"}"#, "[]", "7", " ", #"{"auths": {"h.io": {}}"#, #"{"auths": {},}"#,
        #"{"auths": {}, "HttpHeaders": {"User-Agent": 7}}"#, #"{"auths": {}, "httpheaders": []}"#, #"{"a": "\x"}"#,
        String(repeating: "[", count: 100_000),
    ])
    func `a text that is no Docker configuration is refused`(text: String) {
        #expect(throws: KubeletKeyring.UnreadableSecret.self) { try read(text) }
    }

    @Test func `keys that cannot be read leave the good ones alone`() throws {
        let good = #"{"auth": "Zm9vOmJhcg=="}"#
        for key in ["", "harbor", "a b", "%zz", "h.io:port", "*", "https://", "h.io\\n"] {
            #expect(try read(#"{"auths": {"\#(key)": \#(good), "h.io": \#(good)}}"#) == ["foo/bar/ns/s"], "\(key)")
        }
        #expect(
            try read(#"{"credsStore": "desktop", "AUTHS": {"h.io": \#(good)}, "HttpHeaders": {"a": null}}"#).count == 1
        )
        #expect(try read(#"{"auths": {"h.io": {}, "h.io": \#(good)}}"#) == ["foo/bar/ns/s"])
        #expect(try read(#"{"auths": {"x.io": {}}, "auths": {"h.io": \#(good)}}"#) == ["foo/bar/ns/s"])
        #expect(try read(#"{"auths": {"h.io": \#(good)}, "auths": null}"#).isEmpty)
        #expect(try read("{}").isEmpty && read(#"{"auths": {}}"#).isEmpty && read("").isEmpty)
    }

    @Test func `only the key of a Secret's own type counts`() throws {
        let new = #"{"auths": {"h.io": {"auth": "Zm9vOmJhcg=="}}}"#
        #expect(try read(new, type: Secret.dockercfgType).isEmpty)
        #expect(try read(new, type: "Opaque").isEmpty)
        #expect(try read(#"{"h.io": {"auth": "Zm9vOmJhcg=="}}"#, key: Secret.dockercfgKey).isEmpty)
    }

    @Test func `several Secrets are one keyring, those of one key in the Pod's order`() throws {
        var ring = KubeletKeyring()
        for (user, key) in [("second", "h.io"), ("first", "h.io"), ("path", "h.io/a")] {
            let content = #"{"auths": {"\#(key)": {"username": "\#(user)", "password": "p"}}}"#
            try ring.add(secret(content, type: Secret.dockerConfigJSONType, key: Secret.dockerConfigJSONKey))
        }
        #expect(ring.credentials(for: "h.io/a").map(\.username) == ["path", "second", "first"])
    }
}
