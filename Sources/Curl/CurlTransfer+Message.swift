import CCurl
import Redaction

extension CurlTransfer {
    /// Sets method, headers and body.
    ///
    /// - Throws: ``CurlError/Code/invalidRequest`` for a method or header that could change the message's framing.
    func setMessage(request: CurlRequest, options: CurlOptions) throws(CurlError) {
        guard !request.method.isEmpty, request.method.utf8.allSatisfy(Self.isTokenByte) else {
            throw CurlError(.invalidRequest, "the method is not a token")
        }
        for (name, value) in request.headers { try append(name: name, value: Array(value.utf8)) }
        for (name, value) in request.secretHeaders { try append(name: name, value: value.exposeBytes()) }
        let names = request.headers.map(\.name) + request.secretHeaders.map(\.name)
        // libcurl would wait a second for "100 Continue" before it sends a larger body.
        try appendLine(Array("Expect:".utf8))
        let needsBody = request.body != nil || ["POST", "PUT", "PATCH"].contains(request.method)
        if needsBody, !names.contains(where: { equalsIgnoringCase($0, "content-type") }) {
            try appendLine(Array("Content-Type:".utf8))
        }
        try options.set(CURLOPT_HTTPHEADER, list: headerList)
        guard needsBody else {
            try options.set(request.method == "HEAD" ? CURLOPT_NOBODY : CURLOPT_HTTPGET, 1)
            if request.method != "GET", request.method != "HEAD" {
                try options.set(CURLOPT_CUSTOMREQUEST, string: request.method)
            }
            return
        }
        guard request.method != "HEAD" else { throw CurlError(.invalidRequest, "a HEAD request with a body") }
        let bytes = request.body ?? []
        // One byte at least: without an address libcurl would ask a callback for the body.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
        buffer.copyBytes(from: bytes)
        body = buffer
        try options.set(CURLOPT_POST, 1)
        try options.set(CURLOPT_POSTFIELDSIZE_LARGE, offset: bytes.count)
        try options.set(CURLOPT_POSTFIELDS, pointer: UnsafeRawPointer(buffer.baseAddress))
        try options.set(CURLOPT_CUSTOMREQUEST, string: request.method)
    }

    private func append(name: String, value: [UInt8]) throws(CurlError) {
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenByte) else {
            throw CurlError(.invalidRequest, "a header's name is not a token")
        }
        guard !["content-length", "transfer-encoding"].contains(where: { equalsIgnoringCase($0, name) }) else {
            throw CurlError(.invalidRequest, "the header \(name) belongs to the client")
        }
        guard !value.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F }) else {
            throw CurlError(.invalidRequest, "the value of the header \(name) holds control characters")
        }
        // "Name:" would remove the header, "Name;" sends it empty.
        try appendLine(Array(name.utf8) + (value.isEmpty ? Array(";".utf8) : Array(": ".utf8) + value))
    }

    private func appendLine(_ line: [UInt8]) throws(CurlError) {
        var text = line.map(CChar.init(bitPattern:)) + [0]
        let list = curl_slist_append(headerList, text)
        _ = text.withUnsafeMutableBytes { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        guard let list else { throw CurlError(.aborted, "out of memory") }
        headerList = list
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
