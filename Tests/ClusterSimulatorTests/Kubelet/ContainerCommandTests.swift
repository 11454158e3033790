import Testing

@testable import ClusterSimulator

@Suite struct ContainerCommandTests {
    private let helper = ContainerCommand.Files(isHelper: true, mounted: [], writable: ["/longshore"])

    private func interpret(_ arguments: [String], _ files: ContainerCommand.Files) -> ContainerCommand {
        var copied: Set<String> = []
        return ContainerCommand.interpret(arguments, files, copied: &copied)
    }

    @Test(arguments: [
        (["/bin/busybox", "true"], 0, 0.0), (["true"], 0, 0), (["false"], 1, 0), (["sh", "-c", "exit 7"], 7, 0),
        (["sh", "-c", "sleep 2 && exit 3"], 3, 2), (["sleep", "1.5"], 0, 1.5), (["sleep", "4s"], 0, 4),
        (["sh", "-c", "false; exit"], 1, 0), (["sh", "-c", "nothere"], 127, 0), (["/bin/busybox", "nothere"], 127, 0),
    ])
    func `Commands of the helper image are interpreted`(_ arguments: [String], _ code: Int, _ seconds: Double) {
        #expect(interpret(arguments, helper) == .exits(code: code, seconds: seconds))
    }

    @Test func `A program that is not there cannot be started`() {
        let bare = ContainerCommand.Files(isHelper: false, mounted: [], writable: [])
        guard case .startError(let message) = interpret(["/longshore/busybox", "true"], bare) else {
            Issue.record("it started")
            return
        }
        #expect(message.contains("exec: \"/longshore/busybox\": stat /longshore/busybox: no such file or directory"))
        guard case .startError(let other) = interpret(["true"], bare) else {
            Issue.record("it started")
            return
        }
        #expect(other.contains("executable file not found in $PATH"))
    }

    @Test func `A copied program runs where its volume is mounted`() {
        var copied: Set<String> = []
        let copy = ContainerCommand.interpret(
            ["/bin/busybox", "cp", "/bin/busybox", "/longshore/"],
            helper,
            copied: &copied
        )
        #expect(copy == .exits(code: 0, seconds: 0))
        #expect(copied == ["/longshore/busybox"])
        let other = ContainerCommand.Files(isHelper: false, mounted: copied, writable: [])
        #expect(interpret(["/longshore/busybox", "true"], other) == .exits(code: 0, seconds: 0))
        #expect(interpret(["cp", "/bin/busybox", "/elsewhere/x"], helper) == .exits(code: 1, seconds: 0))
    }
}
