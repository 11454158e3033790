import CRdKafka

extension KafkaAdmin {
    /// What the admin client's thread owns. Thread safety: touched only there.
    final class Core: @unchecked Sendable {
        private var handle: ClientHandle?

        init(handle: ClientHandle) {
            self.handle = handle
        }

        func topics(timeout: Duration) throws(KafkaError) -> [String: Int] {
            guard let handle else { throw .closed }
            do throws(KafkaError) {
                let metadata = try Metadata(of: handle, scope: .all, timeout: timeout)
                handle.drain()
                handle.noteAnswer()
                // A topic that is being deleted, or that may not be seen, is listed with an error.
                let usable = metadata.topics.filter {
                    $0.error == RD_KAFKA_RESP_ERR_NO_ERROR || $0.error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                }
                return Dictionary(usable.map { ($0.name, $0.partitions) }) { first, _ in first }
            } catch {
                handle.drain()
                throw handle.explain(error)
            }
        }

        func create(_ topics: [NewTopic], timeout: Duration) throws(KafkaError) -> [String: KafkaError] {
            guard let handle else { throw .closed }
            defer { handle.drain() }
            var objects: [OpaquePointer?] = []
            defer {
                for case let object? in objects {
                    rd_kafka_NewTopic_destroy(object)
                }
            }
            for topic in topics {
                objects.append(try Self.object(for: topic))
            }
            let event = try Self.request(RD_KAFKA_ADMIN_OP_CREATETOPICS, of: handle, timeout: timeout) {
                options,
                queue in
                rd_kafka_AdminOptions_set_operation_timeout(options, max(1, timeout.clampedMilliseconds), nil, 0)
                rd_kafka_CreateTopics(handle.pointer, &objects, objects.count, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            return Self.failures(event)
        }

        func settings(
            _ names: Set<String>,
            of topics: [String],
            timeout: Duration
        ) throws(KafkaError) -> [String: [String: String]] {
            guard let handle else { throw .closed }
            defer { handle.drain() }
            var resources: [OpaquePointer?] = topics.map { rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, $0) }
            defer {
                for case let resource? in resources {
                    rd_kafka_ConfigResource_destroy(resource)
                }
            }
            let event = try Self.request(
                RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
                of: handle,
                timeout: timeout
            ) { options, queue in
                rd_kafka_DescribeConfigs(handle.pointer, &resources, resources.count, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            guard let result = rd_kafka_event_DescribeConfigs_result(event),
                let described = rd_kafka_DescribeConfigs_result_resources(result, &count)
            else { return [:] }
            var found: [String: [String: String]] = [:]
            for resource in (0..<count).compactMap({ described[$0] })
            where rd_kafka_ConfigResource_error(resource) == RD_KAFKA_RESP_ERR_NO_ERROR {
                guard let name = rd_kafka_ConfigResource_name(resource).map({ String(cString: $0) }) else { continue }
                found[name] = Self.settings(names, of: resource)
            }
            return found
        }

        private static func settings(_ names: Set<String>, of resource: OpaquePointer) -> [String: String] {
            var count = 0
            guard let entries = rd_kafka_ConfigResource_configs(resource, &count) else { return [:] }
            var found: [String: String] = [:]
            for entry in (0..<count).compactMap({ entries[$0] }) {
                guard let name = rd_kafka_ConfigEntry_name(entry).map({ String(cString: $0) }), names.contains(name)
                else { continue }
                found[name] = rd_kafka_ConfigEntry_value(entry).map { String(cString: $0) }
            }
            return found
        }

        /// Sends a request and waits for its answer, which the caller destroys.
        private static func request(
            _ operation: rd_kafka_admin_op_t,
            of handle: ClientHandle,
            timeout: Duration,
            _ send: (_ options: OpaquePointer?, _ queue: OpaquePointer) -> Void
        ) throws(KafkaError) -> OpaquePointer {
            let options = rd_kafka_AdminOptions_new(handle.pointer, operation)
            defer { rd_kafka_AdminOptions_destroy(options) }
            let milliseconds = max(1, timeout.clampedMilliseconds)
            rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, nil, 0)
            guard let queue = rd_kafka_queue_new(handle.pointer) else { throw KafkaError(RD_KAFKA_RESP_ERR__FAIL) }
            defer { rd_kafka_queue_destroy(queue) }
            send(options, queue)
            guard let event = rd_kafka_queue_poll(queue, milliseconds + 1000) else {
                throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT)
            }
            let error = handle.error(of: event)
            guard rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR else {
                rd_kafka_event_destroy(event)
                throw handle.explain(error)
            }
            return event
        }

        private static func object(for topic: NewTopic) throws(KafkaError) -> OpaquePointer {
            // librdkafka 2.0.2 would send it and leave the refusal to the broker.
            guard topic.partitions >= 1 else {
                throw KafkaError(code: .configuration, message: "\(topic.name): a topic has at least one partition")
            }
            var text = [CChar](repeating: 0, count: 512)
            guard
                let object = rd_kafka_NewTopic_new(
                    topic.name,
                    Int32(clamping: topic.partitions),
                    Int32(clamping: topic.replication),
                    &text,
                    text.count
                )
            else { throw KafkaError(code: .configuration, message: String(decodingCString: text)) }
            for (name, value) in topic.config.sorted(by: { $0.key < $1.key }) {
                rd_kafka_NewTopic_set_config(object, name, value)
            }
            return object
        }

        /// What was refused of a CreateTopics request, by topic. A topic that exists is not.
        private static func failures(_ event: OpaquePointer) -> [String: KafkaError] {
            var count = 0
            guard let result = rd_kafka_event_CreateTopics_result(event),
                let topics = rd_kafka_CreateTopics_result_topics(result, &count)
            else { return [:] }
            var failures: [String: KafkaError] = [:]
            for index in 0..<count {
                let error = rd_kafka_topic_result_error(topics[index])
                guard error != RD_KAFKA_RESP_ERR_NO_ERROR, error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS else {
                    continue
                }
                let name = String(cString: rd_kafka_topic_result_name(topics[index]))
                let text = rd_kafka_topic_result_error_string(topics[index]).map { String(cString: $0) } ?? ""
                failures[name] = KafkaError(error, text.isEmpty ? nil : text)
            }
            return failures
        }

        func close() {
            guard let handle = self.handle else { return }
            self.handle = nil
            handle.drain()
            handle.destroy()
        }
    }
}
