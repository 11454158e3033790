import Synchronization
import TestSupport
import WireFormats

/// An API server for one kind of object, whose every answer the test decides: it lists what it is told and keeps watches open
/// until the test sends lines to them or cuts them.
final class WatchableServer: Sendable {
    private struct State {
        var list = podList([], version: 1)
        var lists = 0
        var nextWatchStatus: Behaviour?
        var listFault: Behaviour?
        /// What every watch is to send, by the version that it starts from.
        var lines: [(version: Int, line: String)] = []
        var generation = 0
        var watchedFrom: [String] = []
    }

    private let state: Mutex<State>
    let server: ScriptedHTTPServer

    init() throws {
        let shared = Shared()
        server = try ScriptedHTTPServer { request, connection in shared.owner?.serve(request, connection) }
        state = Mutex(State())
        shared.set(self)
    }

    /// Lets the server's closure find its owner, which does not exist when the closure is made.
    private final class Shared: Sendable {
        private struct Box: Sendable { weak var owner: WatchableServer? }
        private let box = Mutex(Box())
        var owner: WatchableServer? { box.withLock { $0.owner } }
        func set(_ owner: WatchableServer) { box.withLock { $0.owner = owner } }
    }

    var lists: Int { state.withLock { $0.lists } }
    var watchedFrom: [String] { state.withLock { $0.watchedFrom } }

    /// What lists answer from now on.
    func set(list: [JSONValue], version: Int) { state.withLock { $0.list = podList(list, version: version) } }

    /// Sends an event to all watches that started before it.
    func send(_ type: String, _ object: JSONValue, version: Int) {
        state.withLock { $0.lines.append((version, watchLine(type, object))) }
    }

    /// Ends all watches in the middle of a line.
    func cut() { state.withLock { $0.generation += 1 } }

    /// Makes the next watch fail.
    func failNextWatch(_ behaviour: Behaviour) { state.withLock { $0.nextWatchStatus = behaviour } }

    /// Makes lists fail until it is called with nothing.
    func failLists(_ behaviour: Behaviour?) { state.withLock { $0.listFault = behaviour } }

    private func serve(_ request: ScriptedRequest, _ connection: ScriptedConnection) {
        guard request.target.contains("watch=true") else {
            let behaviour = state.withLock { state in
                state.lists += 1
                return state.listFault ?? .object(state.list)
            }
            return behaviour.act(request, connection)
        }
        let from = request.target.split(separator: "resourceVersion=").last.map(String.init) ?? ""
        let (fault, generation) = state.withLock { state in
            state.watchedFrom.append(from)
            defer { state.nextWatchStatus = nil }
            return (state.nextWatchStatus, state.generation)
        }
        if let fault { return fault.act(request, connection) }
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        var sent = Int(from) ?? 0
        while true {
            let (lines, isCut) = state.withLock { state in
                (state.lines.filter { $0.version > sent }, state.generation != generation)
            }
            for (version, line) in lines {
                // Two chunks, so that lines are never what chunks are.
                let bytes = Array(line.utf8)
                connection.sendChunk(Array(bytes.prefix(bytes.count / 2)))
                connection.sendChunk(Array(bytes.dropFirst(bytes.count / 2)))
                sent = version
            }
            if isCut {
                connection.sendChunk(Array("{\"type\":\"ADD".utf8))
                return connection.close()
            }
            if connection.waitForEnd(timeoutMilliseconds: 2) { return connection.close() }
        }
    }
}
