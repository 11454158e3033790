import Glibc

/// What a ``ScriptedHTTPServer`` does with one request. The connection is used for further requests when the behaviour
/// leaves it open.
package struct Behaviour: Sendable {
    /// Runs on the connection's thread and may block.
    package let act: @Sendable (ScriptedRequest, ScriptedConnection) -> Void

    /// Makes a behaviour of a closure, which has full control over the connection.
    package init(_ act: @escaping @Sendable (ScriptedRequest, ScriptedConnection) -> Void) {
        self.act = act
    }
}

extension Behaviour {
    /// A whole response.
    package static func respond(
        status: Int = 200,
        headers: [(name: String, value: String)] = [],
        body: String = ""
    ) -> Behaviour {
        respond(status: status, headers: headers, bytes: Array(body.utf8))
    }

    /// A whole response with any bytes as its body.
    package static func respond(
        status: Int = 200,
        headers: [(name: String, value: String)] = [],
        bytes: [UInt8]
    ) -> Behaviour {
        Behaviour { _, connection in connection.respond(status: status, headers: headers, body: bytes) }
    }

    /// Exactly these bytes, then a FIN.
    package static func raw(_ text: String) -> Behaviour {
        Behaviour { _, connection in
            connection.send(text)
            connection.close()
        }
    }

    /// Exactly these bytes, then an RST.
    package static func rawThenReset(_ text: String) -> Behaviour {
        Behaviour { _, connection in
            connection.send(text)
            // The RST must not overtake the bytes in the peer's receive queue.
            usleep(50_000)
            connection.reset()
        }
    }

    /// An RST in place of an answer.
    package static let reset = Behaviour { _, connection in connection.reset() }

    /// A FIN in place of an answer.
    package static let closeWithoutAnswer = Behaviour { _, connection in connection.close() }

    /// No answer; the connection stays open until the peer gives up.
    package static let hang = Behaviour { _, connection in
        connection.waitForEnd()
        connection.close()
    }

    /// Headers that promise more than `sent`, then silence.
    package static func stall(after sent: String, promising length: Int) -> Behaviour {
        Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n\(sent)")
            connection.waitForEnd()
            connection.close()
        }
    }

    /// One byte each `intervalMilliseconds` until the peer has gone; `total` is promised.
    package static func drip(intervalMilliseconds: Int32 = 20, total: Int = 1_000_000) -> Behaviour {
        Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            for _ in 0..<total {
                guard connection.send([0x78]) else { break }
                if connection.waitForEnd(timeoutMilliseconds: intervalMilliseconds) { break }
            }
            connection.close()
        }
    }

    /// A body without end, as fast as the peer takes it; chunked or until the connection closes.
    package static func endless(chunked: Bool = true) -> Behaviour {
        Behaviour { _, connection in
            let piece = [UInt8](repeating: 0x61, count: 32 << 10)
            connection.send("HTTP/1.1 200 OK\r\n\(chunked ? "Transfer-Encoding: chunked\r\n" : "")\r\n")
            while chunked ? connection.sendChunk(piece) : connection.send(piece) {}
            connection.close()
        }
    }

    /// Headers without end.
    package static let endlessHeaders = Behaviour { _, connection in
        connection.send("HTTP/1.1 200 OK\r\n")
        while connection.send("X-Filler: \(String(repeating: "a", count: 1000))\r\n") {}
        connection.close()
    }

    /// A chunked body.
    package static func chunked(status: Int = 200, _ chunks: [String], trailer: String = "") -> Behaviour {
        Behaviour { _, connection in
            connection.send("HTTP/1.1 \(status) OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for chunk in chunks { connection.sendChunk(Array(chunk.utf8)) }
            connection.send("0\r\n\(trailer)\r\n")
        }
    }

    /// Interim responses before the real one.
    package static func interim(_ statuses: [Int], then behaviour: Behaviour) -> Behaviour {
        Behaviour { request, connection in
            for status in statuses { connection.send("HTTP/1.1 \(status) Interim\r\nX-Interim: 1\r\n\r\n") }
            behaviour.act(request, connection)
        }
    }

    /// An answer that comes late.
    package static func delayed(milliseconds: Int32, _ behaviour: Behaviour) -> Behaviour {
        Behaviour { request, connection in
            if connection.waitForEnd(timeoutMilliseconds: milliseconds) { return connection.close() }
            behaviour.act(request, connection)
        }
    }

    /// A redirect.
    package static func redirect(status: Int = 302, to location: String) -> Behaviour {
        respond(status: status, headers: [("Location", location)])
    }
}
