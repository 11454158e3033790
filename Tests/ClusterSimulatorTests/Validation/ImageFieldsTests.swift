import ClusterSimulator
import TestSupport
import Testing
import WireFormats

/// The images of a PullTask are text or object, for which a structural schema has no type.
@Suite(.timeLimit(.minutes(2))) struct ImageFieldsTests {
    private static let definition =
        "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/compose/kubernetes/base/crd.yaml"

    private static func manifest(_ name: String, _ images: String) -> String {
        """
        apiVersion: longshore.dev/v1
        kind: PullTask
        metadata: {name: \(name), namespace: default}
        spec: {images: \(images)}
        """
    }

    @Test func `a PullTask's image with a field that is not known is refused, and the column shows names`() async throws
    {
        try await SimulatorHarness.run { harness in
            try await harness.kubectl("apply", "-f", Self.definition)
            func apply(_ name: String, _ images: String) async throws -> String {
                let path = harness.directory.appending("\(name).yaml")
                try writeFile(path, Self.manifest(name, images))
                let result = try await harness.kubectl("apply", "--validate=false", "-f", path, check: false)
                return result.output + result.error
            }
            for (index, images) in [
                "[{image: a, password: hunter2}]", "[{image: a, secretRef: {name: s}, password: hunter2}]",
                "[{password: hunter2}]", "[{secretRef: {name: s}}]", "[[hunter2]]", "[{image: {password: hunter2}}]",
                "[{image: a, secretRef: hunter2}]", "[7]",
            ].enumerated() {
                let answer = try await apply("bad-\(index)", images)
                #expect(answer.contains("spec.images[0]"), "\(images): \(answer)")
                #expect(harness.object("pulltasks.longshore.dev", "bad-\(index)") == nil, "\(images)")
            }
            _ = try await apply("good", "[a, {image: b}, {image: c, secretRef: {name: s, password: hunter2}}]")
            let stored = try #require(harness.object("pulltasks.longshore.dev", "good"))
            #expect(stored["spec"]?["images"] == ["a", ["image": "b"], ["image": "c", "secretRef": ["name": "s"]]])
            try await harness.kubectl(
                "patch",
                "pulltask",
                "good",
                "--subresource=status",
                "--type=merge",
                "-p",
                #"{"status":{"images":"a,b,c"}}"#
            )
            let table = try await harness.kubectl("get", "pt").output
            #expect(table.contains("a,b,c") && !table.contains("{"))
        }
    }
}
