import ArgumentParser
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Synchronization
import TestSupport
import Testing
import WireFormats

@testable import longshore

@Suite("What a person sees") struct DisplayTests {
    static let taskID = TaskID(uuid: [UInt8](repeating: 7, count: 16))

    static func event(_ type: EventType, _ sequence: Int64, _ change: (inout TaskEvent) -> Void = { _ in }) -> TaskEvent
    {
        var event = TaskEvent(
            id: "e\(sequence)",
            type: type,
            taskID: taskID,
            project: "default",
            cluster: "default",
            sequence: sequence,
            time: Timestamp(microsecondsSinceEpoch: 1_700_000_000_000_000),
            phase: type.taskPhase ?? .pulling,
            counts: TaskCounts(nodesTotal: 3, succeeded: 1, pulling: 2)
        )
        change(&event)
        return event
    }

    static func node(
        _ type: EventType,
        _ name: String,
        _ images: [(String, ImagePhase)],
        cause: FailureCause? = nil
    ) -> TaskEvent {
        event(type, 5) { event in
            event.node = name
            event.attempt = 2
            event.cause = cause
            event.images = images.map { EventImage(image: $0.0, phase: $0.1, cause: $0.1 == .failed ? cause : nil) }
        }
    }

    @Test("tables have columns as wide as their widest cell")
    func tables() {
        var table = TextTable("A", "LONGER", "C")
        table.add("wide cell", "x", "y")
        table.add("1", "", "\u{1B}z")
        #expect(table.lines == ["A           LONGER   C", "wide cell   x        y", "1                     z"])
    }

    @Test(
        "durations are short",
        arguments: [
            (0, "0s"), (59, "59s"), (60, "1m"), (95, "1m35s"), (600, "10m"), (3_599, "59m"), (3_600, "1h0m"),
            (86_399, "23h59m"),
            (90_000, "1d1h"), (-5, "0s"),
        ]
    )
    func durations(seconds: Int, text: String) {
        #expect(ProgressDisplay.text(.seconds(seconds)) == text)
    }

    @Test("a task on a terminal has one bar, and one for each node in work")
    func display() {
        var view = TaskView()
        view.apply(Self.event(.taskPulling, 3))
        view.apply(Self.node(.nodeSucceeded, "n1", [("docker.io/library/a:1", .pulled), ("h.io/b:1", .present)]))
        view.apply(Self.node(.nodePulling, "n2", [("docker.io/library/a:1", .pulled), ("h.io/b:1", .pulling)]))
        view.apply(
            Self.node(
                .nodeFailed,
                "n3",
                [("docker.io/library/a:1", .pulled), ("h.io/b:1", .failed)],
                cause: .unauthorized
            )
        )
        view.apply(Self.event(.taskProgress, 9) { $0.progress = TaskProgress(percent: 50, remaining: .seconds(90)) })
        let display = ProgressDisplay(id: "task", width: 80, usesColor: false)
        #expect(
            display.lines(of: view) == [
                "task  pulling  1 of 3 nodes", "[####################--------------------] 50%  about 1m30s left",
                "  n2 [########--------] 1/2 pulling, attempt 2",
                "  n3 [########--------] 1/2 failed, attempt 2: Unauthorized",
                "  n1 [################] 2/2 succeeded, attempt 2",
            ]
        )
    }

    @Test("a display is rewritten in place")
    func rewriting() {
        var view = TaskView()
        view.apply(Self.event(.taskPulling, 3))
        var display = ProgressDisplay(id: "task", width: 80, usesColor: false)
        #expect(display.update(view).hasPrefix("\u{1B}[2Ktask  pulling"))
        #expect(display.update(view).hasPrefix("\u{1B}[2A\u{1B}[2Ktask  pulling"))
    }

    @Test("a screen shows the last event of a burst while nothing more comes, and the end")
    func screen() async throws {
        let written = Mutex<[String]>([])
        let screen = TerminalScreen(display: ProgressDisplay(id: "task", width: 80, usesColor: false)) { text in
            written.withLock { $0.append(text) }
        }
        try await screen.show {
            for sequence in 1...1_000 { screen.apply(Self.event(.taskPulling, Int64(sequence))) }
            screen.apply(Self.node(.nodePulling, "n1", [("h.io/b:1", .pulling)]))
            try await waitUntil("the burst's last event") { written.withLock { $0.last?.contains("n1") == true } }
            screen.apply(Self.event(.taskSucceeded, 1_001))
        }
        let pictures = written.withLock { $0 }
        #expect(pictures.last?.contains("succeeded") == true)
        #expect(pictures.count < 100)
    }

    @Test("a display stays small for very many nodes and long names")
    func manyNodes() {
        var view = TaskView()
        for index in 0..<500 {
            view.apply(
                Self.node(.nodePulling, "node-\(index)-" + String(repeating: "x", count: 200), [("h.io/b:1", .pulling)])
            )
        }
        let lines = ProgressDisplay(id: "task", width: 60, usesColor: false).lines(of: view)
        #expect(lines.count == 19)
        #expect(lines.last == "  and 484 more nodes")
        #expect(lines.allSatisfy { $0.count <= 60 })
    }

    @Test("the parts of a long event are put together, and faults are kept")
    func parts() {
        var view = TaskView()
        var first = Self.node(.nodeSucceeded, "n1", [("a.io/a:1", .pulled)])
        first.part = TaskEvent.Part(number: 1, count: 2)
        var second = Self.node(.nodeSucceeded, "n1", [("a.io/b:1", .pulled)])
        second.part = TaskEvent.Part(number: 2, count: 2)
        view.apply(first)
        view.apply(second)
        #expect(view.nodes["n1"]?.images.count == 2)
        view.apply(
            Self.event(.taskRejected, 9) { $0.faults = [EventFault(pointer: "/images", code: "required", detail: "x")] }
        )
        #expect(view.faults.count == 1)
        #expect(view.phase == .rejected)
    }

    @Test("an event is one line")
    func eventLines() {
        let failed = Self.node(.nodeFailed, "n3", [("docker.io/library/a:1", .failed)], cause: .unauthorized)
        #expect(
            EventLine.text(failed)
                == "2023-11-14T22:13:20Z  node.failed  n3  attempt 2  a:1=failed:Unauthorized  cause=Unauthorized"
        )
        let task = Self.event(.taskSucceeded, 9) { $0.message = "all\nthere" }
        #expect(
            EventLine.text(task)
                == "2023-11-14T22:13:20Z  task.succeeded  nodes=3 succeeded=1 failed=0 skipped=0  all there"
        )
    }

    private static let task: JSONValue = [
        "id": "t1", "status": "failed", "cause": "Unauthorized", "acceptedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:01:30Z", "images": ["docker.io/library/a:1", "h.io/b:1"],
        "counts": ["nodesTotal": 3, "nodesSucceeded": 1, "nodesFailed": 1, "nodesSkipped": 1, "nodesPulling": 0],
    ]
    private static let nodes: [JSONValue] = [
        [
            "node": "n1", "state": "succeeded", "attempt": 1,
            "images": [
                ["image": "docker.io/library/a:1", "phase": "pulled"], ["image": "h.io/b:1", "phase": "present"],
            ],
        ],
        [
            "node": "n2", "state": "failed", "attempt": 2, "cause": "Unauthorized",
            "images": [
                ["image": "docker.io/library/a:1", "phase": "pulled"],
                [
                    "image": "h.io/b:1", "phase": "failed", "cause": "Unauthorized",
                    "message": "401 from\u{1B}[31m h.io",
                ],
            ],
        ],
        [
            "node": "n3", "state": "skipped", "attempt": 0, "images": [], "reason": "NotReady",
            "message": "the node is not ready",
        ],
    ]

    @Test("a task's report has nodes by images, and each cause once")
    func report() {
        #expect(
            TaskReport(task: Self.task, nodes: Self.nodes).lines == [
                "t1  failed  Unauthorized", "  nodes: 1 of 3 succeeded, 1 failed, 1 skipped, 0 in work",
                "  images: a:1, h.io/b:1",
                "  accepted: 2026-01-01T00:00:00Z, finished after 1m30s", "",
                "NODE   STATE       ATTEMPT   a:1      h.io/b:1", "n1     succeeded   1         pulled   present",
                "n2     failed      2         pulled   failed: Unauthorized", "n3     skipped     0         -        -",
                "",
                "CAUSES", "  CAUSE          NODES   IMAGE      MESSAGE",
                "  Unauthorized   1       h.io/b:1   401 from [31m h.io",
                "  NotReady       1       -          the node is not ready",
            ]
        )
    }

    private static func node(_ number: Int, state: String, phases: [String]) -> JSONValue {
        let images = phases.enumerated().map { index, phase -> JSONValue in
            var image: JSONValue = ["image": .string("h.io/i\(index + 1):1"), "phase": .string(phase)]
            if phase == "failed" {
                image["cause"] = "NotFound"
                image["message"] = .string("no manifest on node-\(number)")
            }
            return image
        }
        return [
            "node": .string("node-\(number)"), "state": .string(state), "attempt": 1, "images": .array(images),
        ]
    }

    @Test("a report on many images has one line a node with what is not well, and all of them when asked to")
    func manyImages() {
        let nodes = [
            Self.node(79, state: "failed", phases: ["failed", "failed"] + Array(repeating: "pulled", count: 28)),
            Self.node(8, state: "succeeded", phases: Array(repeating: "present", count: 30)),
        ]
        let short = TaskReport(task: Self.task, nodes: nodes)
        #expect(
            short.table == [
                "NODE      STATE       ATTEMPT   IMAGES   NOT WELL", "node-8    succeeded   1         30/30",
                "node-79   failed      1         28/30    h.io/i1:1: NotFound and 1 more",
            ]
        )
        let whole = TaskReport(task: Self.task, nodes: nodes, layout: .init(showsAll: true))
        #expect(whole.table.count == 61)
        #expect(whole.table[1] == "node-8    succeeded   1         h.io/i1:1    present")
    }

    @Test("a report fits a narrow terminal, whatever is in it", arguments: [20, 40, 60, 80])
    func narrow(width: Int) {
        let nodes = (1...3).map { Self.node($0, state: "failed", phases: ["failed", "pulled", "failed"]) }
        let table = TaskReport(task: Self.task, nodes: nodes, layout: .init(width: width)).table
        #expect(table.count == 4)
        #expect(table.allSatisfy { $0.count <= width })
    }

    @Test("a report says how many nodes it does not show, and in which state they are")
    func hiddenNodes() {
        var task = Self.task
        task["counts"] = [
            "nodesTotal": 500, "nodesSucceeded": 438, "nodesFailed": 2, "nodesSkipped": 0, "nodesPulling": 10,
        ]
        let nodes = (1...2).map { Self.node($0, state: "failed", phases: ["failed"]) }
        #expect(
            TaskReport(task: task, nodes: nodes).lines.contains(
                "… 498 nodes not shown (438 succeeded, 10 pulling): --all shows every node"
            )
        )
    }

    @Test("causes stand once for all nodes, the most frequent first, however their messages differ")
    func causes() {
        let nodes =
            (1...500).map { Self.node($0, state: "failed", phases: ["failed"]) }
            + (501...700).map { number in
                ["node": .string("node-\(number)"), "state": "skipped", "attempt": 0, "reason": "NotReady"]
            }
        let causes = TaskReport(task: Self.task, nodes: nodes).causes
        #expect(
            causes == [
                "CAUSES", "  CAUSE      NODES   IMAGE       MESSAGE",
                "  NotFound   500     h.io/i1:1   no manifest on node-1 (and 499 other messages)",
                "  NotReady   200     -",
            ]
        )
    }

    @Test("an image whose node was cancelled is not shown as being pulled")
    func cancelledImages() {
        let nodes = [
            Self.node(1, state: "skipped", phases: ["pulling", "pulled"]),
            Self.node(2, state: "pulling", phases: ["pulling"]),
        ]
        #expect(
            TaskReport(task: Self.task, nodes: nodes).table == [
                "NODE     STATE     ATTEMPT   h.io/i1:1    h.io/i2:1",
                "node-1   skipped   1         not pulled   pulled",
                "node-2   pulling   1         pulling      -",
            ]
        )
    }

    @Test("names stand as people count them")
    func naturalOrder() {
        let sorted = [
            "a", "a1", "a01", "a2b9", "a2b10", "a10", "b", "node-8.x", "node-79.x", "node-800000000000000000000",
        ]
        #expect(sorted.shuffled().sorted(by: NaturalOrder.precedes) == sorted)
        for (index, left) in sorted.enumerated() {
            for (other, right) in sorted.enumerated() {
                #expect(NaturalOrder.precedes(left, right) == (index < other), "\(left) and \(right)")
            }
        }
    }

    @Test("YAML says the same as JSON, whatever the texts look like")
    func yaml() throws {
        let json: JSONValue = [
            "truth": "true", "yes": "yes", "number": "1e3", "time": "2026-01-01T00:00:00Z", "empty": "", "null": .null,
            "text": "a: b # c\n- d", "list": [1, 2.5, true, ["x": "~"]], "none": [], "nothing": [:], "tab": "\t",
            "ä": "ö\u{1F600}",
        ]
        #expect(try YAMLDocument.parse(OutputOptions.yaml(json)) == json)
    }

    @Test("what is waited for is said after two seconds, then less and less often")
    func waiting() {
        var notice = WaitingNotice()
        #expect(notice.due(at: .seconds(100)) == nil)
        notice.meet(.queued, at: .seconds(100))
        let spoken = (100...500).filter { notice.due(at: .seconds($0)) != nil }.map { $0 - 100 }
        #expect(spoken == [2, 10, 30, 60, 120, 180, 240, 300, 360])
        notice.meet(.queued, at: .seconds(501))
        #expect(notice.due(at: .seconds(510)) == nil)
        notice.meet(.absent, at: .seconds(510))
        #expect(notice.due(at: .seconds(513))?.seconds == 3)
        notice.meet(nil, at: .seconds(514))
        #expect(notice.due(at: .seconds(1_000)) == nil)
        notice.meet(.unreachable("a"), at: .seconds(1_000))
        notice.meet(.unreachable("b"), at: .seconds(1_001))
        #expect(notice.due(at: .seconds(1_002))?.obstacle == .unreachable("b"))
    }

    @Test(
        "times are durations back from now, or written out",
        arguments: [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800)]
    )
    func since(text: String, seconds: Int) throws {
        let now = Timestamp(microsecondsSinceEpoch: 1_700_000_000_000_000)
        #expect(try ListCommand.time(text, now: now) == now - .seconds(seconds))
        #expect(try ListCommand.time(now.rfc3339, now: now) == now)
        for wrong in ["", "h", "-1h", "0s", "2w", "1.5h", "yesterday", "99999999999999999999d"] {
            #expect(throws: ValidationError.self) { try ListCommand.time(wrong, now: now) }
        }
    }

    @Test("anything can be missing from a report")
    func emptyReport() {
        #expect(TaskReport(task: [:], nodes: [[:], "x", ["images": [[:]]]]).lines.first == "?  ?")
    }

    @Test("a list of tasks fits on lines")
    func list() {
        let now = Timestamp(rfc3339: "2026-01-01T02:00:00Z") ?? Timestamp(microsecondsSinceEpoch: 0)
        #expect(
            ListCommand.table([Self.task, [:]], now: now).lines == [
                "ID   STATUS   NODES   FAILED   PRIORITY   AGE    PROJECT   IMAGES",
                "t1   failed   1/3     1        0          2h0m   ?         a:1, h.io/b:1",
                "?    ?        0/0     0        0          ?      ?",
            ]
        )
    }
}
