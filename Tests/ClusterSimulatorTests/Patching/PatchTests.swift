import Testing
import WireFormats

@testable import ClusterSimulator

@Suite struct PatchTests {
    @Test func `JSON patches follow RFC 6902`() throws {
        let document: JSONValue = ["a": [1, 2], "b": ["c/d": "x"]]
        let result = try JSONPatch.apply(
            [
                ["op": "test", "path": "/a/0", "value": 1], ["op": "add", "path": "/a/-", "value": 3],
                ["op": "add", "path": "/a/0", "value": 0], ["op": "replace", "path": "/b/c~1d", "value": "y"],
                ["op": "copy", "from": "/b", "path": "/e"], ["op": "move", "from": "/a/1", "path": "/f"],
                ["op": "remove", "path": "/b/c~1d"],
            ],
            to: document
        )
        #expect(result == ["a": [0, 2, 3], "b": [:], "e": ["c/d": "y"], "f": 1])
    }

    @Test(
        arguments: [
            [["op": "remove", "path": "/z"]], [["op": "replace", "path": "/z", "value": 1]],
            [["op": "test", "path": "/a", "value": 2]], [["op": "add", "path": "/a/b", "value": 2]],
            [["op": "add", "path": "/l/9", "value": 2]], [["op": "hack", "path": "/a"]], [["op": "add", "path": "a"]],
            [["op": "add", "path": "/l/-1", "value": 2]], [["op": "move", "from": "/nothing", "path": "/a"]],
        ] as [JSONValue]
    )
    func `A JSON patch that does not apply is an error`(_ patch: JSONValue) {
        let error = #expect(throws: APIStatusError.self) { try JSONPatch.apply(patch, to: ["a": 1, "l": [1]]) }
        #expect(error?.code == 422)
    }

    @Test func `Merge patches follow RFC 7396`() {
        let result = MergePatch.apply(["a": nil, "b": ["c": 1], "d": [1]], to: ["a": 1, "b": ["x": 2], "d": [5, 6]])
        #expect(result == ["b": ["x": 2, "c": 1], "d": [1]])
        #expect(MergePatch.apply([1], to: ["a": 1]) == [1])
    }

    @Test func `Strategic patches merge known lists by their keys`() {
        let pod: JSONValue = [
            "spec": [
                "containers": [["name": "a", "image": "1"], ["name": "b", "image": "2"]],
                "tolerations": [["key": "x"]],
            ],
            "metadata": ["finalizers": ["f1"]],
        ]
        let result = StrategicMergePatch.apply(
            [
                "spec": [
                    "$setElementOrder/containers": [["name": "c"], ["name": "a"]],
                    "containers": [
                        ["name": "a", "image": "9"], ["name": "b", "$patch": "delete"], ["name": "c", "image": "3"],
                    ],
                    "tolerations": [["key": "y"]],
                ],
                "metadata": ["finalizers": ["f1", "f2"], "$deleteFromPrimitiveList/finalizers": ["f1"]],
            ],
            to: pod
        )
        #expect(result["spec"]?["containers"] == [["name": "c", "image": "3"], ["name": "a", "image": "9"]])
        #expect(result["spec"]?["tolerations"] == [["key": "y"]])
        #expect(result["metadata"]?["finalizers"] == ["f2"])
    }

    // MARK: Server-side apply

    private func apply(_ manager: String, isForced: Bool = false) -> ServerSideApply {
        ServerSideApply(
            rules: ListRules(schema: nil),
            manager: manager,
            isForced: isForced,
            apiVersion: "v1",
            subresource: nil,
            now: Timestamp(secondsSinceEpoch: 0)
        )
    }

    @Test func `Applying adds, changes and takes away a manager's own fields`() throws {
        let first = try apply("a").apply(["data": ["x": "1", "y": "2"], "metadata": ["name": "m"]], to: nil)
        var live = first
        live["data"]?["z"] = "3"
        let second = try apply("a").apply(["data": ["x": "9"], "metadata": ["name": "m"]], to: live)
        #expect(second["data"] == ["x": "9", "z": "3"])
        let entries = try #require(second[path: "metadata", "managedFields"]?.array)
        #expect(entries.count == 1)
        #expect(entries[0]["fieldsV1"] == ["f:data": ["f:x": [:]]])
    }

    @Test func `Another manager's value is a conflict unless forced`() throws {
        let live = try apply("a").apply(["data": ["x": "1"]], to: nil)
        let error = #expect(throws: APIStatusError.self) { try apply("b").apply(["data": ["x": "2"]], to: live) }
        #expect(error?.code == 409)
        #expect(error?.message == "Apply failed with 1 conflict: conflict with \"a\" using v1: .data.x")
        let forced = try apply("b", isForced: true).apply(["data": ["x": "2"]], to: live)
        #expect(forced["data"] == ["x": "2"])
        #expect(forced[path: "metadata", "managedFields"]?.array?.compactMap { $0["manager"]?.string } == ["b"])
        let shared = try apply("b").apply(["data": ["x": "1"]], to: live)
        #expect(shared[path: "metadata", "managedFields"]?.array?.count == 2)
    }

    @Test func `Lists with keys are merged item by item`() throws {
        let a = try apply("a").apply(["spec": ["containers": [["name": "one", "image": "1"]]]], to: nil)
        let b = try apply("b").apply(["spec": ["containers": [["name": "two", "image": "2"]]]], to: a)
        #expect(b[path: "spec", "containers"]?.array?.compactMap { $0["name"]?.string } == ["one", "two"])
        let gone = try apply("a").apply(["spec": ["other": 1]], to: b)
        #expect(gone[path: "spec", "containers"]?.array?.compactMap { $0["name"]?.string } == ["two"])
    }
}
