import Testing
import WireFormats

@testable import ClusterSimulator

@Suite struct TableTests {
    @Test(
        arguments: [
            (".status.phase", "pulling"), ("{.status.phase}", "pulling"), (".spec.images[*].image", "a b"),
            (".spec.images[1].image", "b"), (".spec.images[-1].image", "b"),
            (".metadata.labels.longshore\\.dev/task", "t"), (".metadata.labels['longshore.dev/task']", "t"),
            (".status.conditions[?(@.type==\"Ready\")].status", "True"), (".nothing.there", ""), ("[", ""), (".", nil),
        ] as [(String, String?)]
    )
    func `Printer columns select with JSONPath`(_ path: String, _ expected: String?) {
        let object: JSONValue = [
            "metadata": ["labels": ["longshore.dev/task": "t"]],
            "spec": ["images": [["image": "a"], ["image": "b"]]],
            "status": [
                "phase": "pulling",
                "conditions": [["type": "Other", "status": "False"], ["type": "Ready", "status": "True"]],
            ],
        ]
        guard let expected else { return }
        let text = ColumnPath(path).values(in: object).map { $0.string ?? "" }.joined(separator: " ")
        #expect(text == expected)
    }

    @Test(arguments: [
        (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"), (10_799, "179m"),
        (10_800, "3h"), (13_000, "3h36m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"), (190_000, "2d4h"),
        (86_400 * 8, "8d"), (86_400 * 800, "2y70d"), (-5, "0s"),
    ])
    func `Ages are printed as kubectl prints them`(_ seconds: Int, _ text: String) {
        #expect(HumanDuration.format(seconds: Int64(seconds)) == text)
    }

    @Test func `A Pod's status column names its trouble`() {
        func status(_ container: JSONValue, _ extra: JSONValue = [:]) -> String {
            PodSummary.status(
                MergePatch.apply(extra, to: ["status": ["phase": "Pending", "containerStatuses": [container]]])
            )
        }
        #expect(status(["state": ["waiting": ["reason": "ImagePullBackOff"]]]) == "ImagePullBackOff")
        #expect(status(["state": ["terminated": ["reason": "StartError", "exitCode": 128]]]) == "StartError")
        let deleting: JSONValue = ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z"]]
        #expect(status(["state": ["waiting": ["reason": "ContainerCreating"]]], deleting) == "Terminating")
    }
}
