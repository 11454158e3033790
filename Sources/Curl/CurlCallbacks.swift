import CCurl
import Glibc

// The functions that libcurl calls on the loop's thread while it works on a transfer. They copy, count and judge;
// none of them calls back into libcurl.

extension CurlOptions {
    /// Points libcurl's callbacks at a transfer, which must outlive the handle.
    func setCallbacks(context: UnsafeMutableRawPointer) throws(CurlError) {
        try set(CURLOPT_PRIVATE, pointer: context)
        _ = longshore_curl_setopt_write(handle, CURLOPT_WRITEFUNCTION, receiveBody)
        try set(CURLOPT_WRITEDATA, pointer: context)
        _ = longshore_curl_setopt_write(handle, CURLOPT_HEADERFUNCTION, receiveHeader)
        try set(CURLOPT_HEADERDATA, pointer: context)
        _ = longshore_curl_setopt_opensocket(handle, openSocket)
        try set(CURLOPT_OPENSOCKETDATA, pointer: context)
        _ = longshore_curl_setopt_prereq(handle, beforeRequest)
        try set(CURLOPT_PREREQDATA, pointer: context)
    }
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
    context.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
}

private let receiveBody: curl_write_callback = { data, size, count, context in
    guard let transfer = transfer(context) else { return 0 }
    return transfer.receive(body: UnsafeRawBufferPointer(start: data, count: size * count))
}

private let receiveHeader: curl_write_callback = { data, size, count, context in
    guard let transfer = transfer(context) else { return 0 }
    return transfer.receive(header: UnsafeRawBufferPointer(start: data, count: size * count))
}

/// Called before each connection attempt, with one address of the host; not called when a connection is reused.
private let openSocket: curl_opensocket_callback = { context, _, address in
    guard let transfer = transfer(context), let address else { return CURL_SOCKET_BAD }
    let judged = withUnsafePointer(to: &address.pointee.addr) { IPAddress(socketAddress: $0) }
    guard transfer.permits(judged) else { return CURL_SOCKET_BAD }
    // libcurl's own way of opening lets child processes inherit the socket.
    let kind = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
    return socket(address.pointee.family, kind, address.pointee.protocol)
}

/// Called before each request, also on a reused connection.
private let beforeRequest: curl_prereq_callback = { context, address, _, _, _ in
    guard let transfer = transfer(context) else { return CURL_PREREQFUNC_ABORT }
    // A policy that cannot read the address refuses it.
    let judged = address.flatMap { IPAddress(String(cString: $0)) }
    guard transfer.permits(judged) else { return CURL_PREREQFUNC_ABORT }
    transfer.mayHaveBeenSent = true
    return CURL_PREREQFUNC_OK
}

extension CurlTransfer {
    /// Judges an address; after the first refusal everything is refused, so that a name with one inner address
    /// cannot be reached through its other ones.
    fileprivate func permits(_ address: IPAddress?) -> Bool {
        guard let policy else { return true }
        if abortion != nil { return false }
        guard let address else {
            abortion = .refused(.reserved)
            return false
        }
        switch policy.verdict(for: address) {
        case .allowed: return true
        case .refused(let reason):
            abortion = .refused(reason)
            return false
        }
    }

    /// Takes a header line; any return value but its length ends the transfer.
    fileprivate func receive(header line: UnsafeRawBufferPointer) -> Int {
        lastActivity = .now
        switch headParser.take(line) {
        case .incomplete: return line.count
        case .complete(let head):
            headCompleted = lastActivity
            sink.take(head: head)
            return line.count
        case .malformed:
            abortion = CurlError(.protocol, "the peer's response is not HTTP")
        case .tooLarge:
            abortion = CurlError(.tooLarge, "the response's headers are too large")
        }
        return 0
    }

    /// Takes a piece of the body; any return value but its length or "pause" ends the transfer.
    fileprivate func receive(body piece: UnsafeRawBufferPointer) -> Int {
        lastActivity = .now
        guard headParser.isComplete else {
            abortion = CurlError(.protocol, "the peer sent a body without a head")
            return 0
        }
        let room = maximumBytes.map { $0 - receivedBytes } ?? piece.count
        guard piece.count > room else {
            guard sink.take(body: piece) else {
                isPaused = true
                return Int(CURL_WRITEFUNC_PAUSE)
            }
            receivedBytes += piece.count
            return piece.count
        }
        guard truncates else {
            abortion = CurlError(.tooLarge, "the response is larger than allowed")
            return 0
        }
        guard room == 0 || sink.take(body: UnsafeRawBufferPointer(rebasing: piece[..<room])) else {
            isPaused = true
            return Int(CURL_WRITEFUNC_PAUSE)
        }
        receivedBytes += room
        isTruncated = true
        return 0
    }
}

extension CurlError {
    /// The refusal of an address. The text names the kind, not the address: it must not tell a caller what inner names
    /// resolve to.
    static func refused(_ reason: AddressPolicy.Reason) -> CurlError {
        CurlError(.addressRefused, "the host has an address that may not be used (\(reason.rawValue))", refusal: reason)
    }
}
