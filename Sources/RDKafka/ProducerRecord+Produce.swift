import CRdKafka

extension ProducerRecord {
    /// Hands the record to librdkafka, which copies it.
    ///
    /// - Parameters:
    ///   - client: The producer.
    ///   - opaque: A number that the delivery report carries.
    /// - Returns: Success, or why the record was not taken.
    func produce(to client: OpaquePointer, opaque: Int) -> rd_kafka_resp_err_t {
        let headers = self.makeHeaders()
        let error = Self.withBytes(self.key) { key, keyLength in
            Self.withBytes(self.value) { value, valueLength in
                longshore_produce(
                    client,
                    self.topic,
                    self.partition ?? -1,
                    key,
                    keyLength,
                    value,
                    valueLength,
                    headers,
                    UnsafeMutableRawPointer(bitPattern: opaque)
                )
            }
        }
        // Only a record that was taken takes its headers along.
        if error != RD_KAFKA_RESP_ERR_NO_ERROR, let headers {
            rd_kafka_headers_destroy(headers)
        }
        return error
    }

    private func makeHeaders() -> OpaquePointer? {
        guard !self.headers.isEmpty, let headers = rd_kafka_headers_new(self.headers.count) else { return nil }
        for header in self.headers {
            Self.withBytes(header.value) { value, length in
                // The library takes a null value with length 0 as null and needs some pointer for the empty one.
                if length == 0 {
                    _ = rd_kafka_header_add(headers, header.name, -1, "", 0)
                } else {
                    _ = rd_kafka_header_add(headers, header.name, -1, value, max(0, Int(length)))
                }
            }
        }
        return headers
    }

    /// Calls with the bytes, or with no pointer and -1 for none.
    private static func withBytes<Result>(
        _ bytes: [UInt8]?,
        _ body: (UnsafeRawPointer?, Int64) -> Result
    ) -> Result {
        guard let bytes else { return body(nil, -1) }
        return bytes.withUnsafeBytes { body($0.baseAddress, Int64($0.count)) }
    }
}
