import Curl
import DeploymentSupport
import LongshoreDomain
import LongshoreMessages
import RDKafka
import TestSupport
import Testing
import WireFormats

/// All that share the one fleet on three brokers: one after the other.
@Suite(
    "Brokers",
    .tags(.integration),
    .timeLimit(.minutes(20)),
    .serialized,
    .needsSimulator("counts the Jobs of an outage in the simulator's audit"),
    .needsEmbeddedBroker
)
enum BrokerTests {}

extension BrokerTests {
    /// Brokers that fail in every way that they can: what was accepted ends once, what was not accepted is said not to be.
    @Suite("Kafka fails", .serialized)
    struct KafkaOutageTests {
        @Test("Connections drop in the middle of every kind of request")
        func connectionsDrop() async throws {
            let world = try await BrokerWorld.shared()
            for api in Wire.requests {
                world.cluster.pushRequestErrors(api: api, [Wire.transport, Wire.transport, Wire.transport])
            }
            let tasks = try await world.submit(3, "drops")
            try await world.expectDone(tasks)
            for api in Wire.requests { world.cluster.clearRequestErrors(api: api) }
        }

        @Test("Acknowledgements are slow, and some are lost after the write")
        func acknowledgementsLost() async throws {
            let world = try await BrokerWorld.shared()
            let topic = Topics.tasks(cluster: "default", class: .normal)
            let before = try await world.records(in: topic)
            for broker in Int32(1)...3 { try world.cluster.setRoundTripTime(broker, .milliseconds(700)) }
            async let submitted = world.submit(2, "acknowledgements")
            // Written, and the answer is on its way: then its connection is cut.
            try await waitUntil(timeout: .seconds(60), "a task to be written") {
                try await world.records(in: topic) > before
            }
            for broker in Int32(1)...3 { try world.cluster.setBrokerDown(broker) }
            for broker in Int32(1)...3 {
                try world.cluster.setRoundTripTime(broker, .zero)
                try world.cluster.setBrokerUp(broker)
            }
            try await world.expectDone(try await submitted)
        }

        @Test("Producers hit fatal errors and are made anew")
        func fatalErrors() async throws {
            let world = try await BrokerWorld.shared()
            world.cluster.pushRequestErrors(api: Wire.produce, [Wire.outOfOrder, Wire.outOfOrder, Wire.outOfOrder])
            let first = try await world.submit(2, "fatal")
            world.cluster.pushRequestErrors(api: Wire.produce, [Wire.outOfOrder, Wire.outOfOrder])
            let second = try await world.submit(2, "fatal-again")
            try await world.expectDone(first + second)
            world.cluster.clearRequestErrors(api: Wire.produce)
        }

        @Test("Leaders and coordinators move under load")
        func leadersMove() async throws {
            let world = try await BrokerWorld.shared()
            var tasks: [String] = []
            for round in Int32(0)..<3 {
                async let submitted = world.submit(2, "moves-\(round)")
                for partition in BrokerWorld.everyPartition {
                    try world.cluster.setPartitionLeader(partition, broker: (partition.partition + round) % 3 + 1)
                }
                for group in [
                    "longshore.intake", "longshore.projector", "longshore.notifier", "longshore.executor.default",
                ] {
                    try world.cluster.setCoordinator(group: group, broker: round % 3 + 1)
                }
                tasks += try await submitted
            }
            try await world.expectDone(tasks)
        }

        /// `LONGSHORE_TEST_OUTAGE_SECONDS=600` makes it ten minutes.
        @Test("All brokers are away: clients are told to come back, work in hand goes on, and all is made up for")
        func brokersAway() async throws {
            let world = try await BrokerWorld.shared()
            let simulator = try Simulator(world.fleet.host)
            try await simulator.slow(["node-1", "node-2"], milliseconds: 1_500)
            let running = try await world.submit(2, "before", ["batchSize": 1])
            try await waitUntil(timeout: .seconds(60), "a Job") {
                try await world.fleet.host.objectsLeft(ofTask: running[0]).contains { $0.contains("job") }
            }
            for broker in Int32(1)...3 { try world.cluster.setBrokerDown(broker) }
            let began = ContinuousClock.now
            let seconds = TestTarget.environment("LONGSHORE_TEST_OUTAGE_SECONDS").flatMap(Int.init) ?? 4
            repeat {
                let answer = try await world.fleet.api.send(
                    "POST",
                    "/v1/tasks",
                    body: world.body().serialized(),
                    headers: [(name: "Idempotency-Key", value: "away-0")]
                )
                #expect(answer.status == 503)
                #expect(answer.response.header("Retry-After") != nil)
            } while ContinuousClock.now - began < .seconds(seconds)
            #expect(try await world.fleet.api.send("GET", "/v1/tasks/\(running[0])").status == 200)
            for broker in Int32(1)...3 { try world.cluster.setBrokerUp(broker) }
            try await simulator.slow(["node-1", "node-2"], milliseconds: 0)
            let tasks = try await world.submit(2, "away")
            try await world.expectDone(running + tasks)
            for member in world.fleet.members { #expect(member.process.isRunning) }
        }

        @Test("A topic that is forbidden stops its own tasks and no others")
        func topicRefused() async throws {
            let world = try await BrokerWorld.shared()
            let topic = Topics.tasks(cluster: "default", class: .low)
            world.cluster.setTopicError(topic, Wire.forbidden)
            let refused = try await waitForValue(timeout: .seconds(60), "a refusal") {
                let answer = try await world.fleet.api.send(
                    "POST",
                    "/v1/tasks",
                    body: world.body(["priority": 1]).serialized(),
                    headers: [(name: "Idempotency-Key", value: "refused-0")]
                )
                return answer.status == 503 ? answer : nil
            }
            #expect(refused.response.header("Retry-After") != nil)
            try await world.expectDone(try await world.submit(2, "others", ["priority": 9]))
            #expect(world.logs.contains("A task was not published"))
            world.cluster.setTopicError(topic, 0)
            try await world.expectDone(try await world.submit(1, "refused", ["priority": 1]))
        }

        @Test("Offsets out of range make everything be read again, and nothing runs twice")
        func offsetsOutOfRange() async throws {
            let world = try await BrokerWorld.shared()
            let simulator = try Simulator(world.fleet.host)
            let before = try await simulator.createdJobs()
            world.cluster.pushRequestErrors(api: Wire.fetch, Array(repeating: Wire.offsetOutOfRange, count: 12))
            let tasks = try await world.submit(2, "range")
            try await world.expectDone(tasks)
            // Two nodes each: every task that is read again is known, by its PullTask.
            #expect(try await simulator.createdJobs() == before + 4)
            try await waitUntil(timeout: .seconds(60), "the log to tell of it") {
                world.logs.contains("The topic ends before what was read of it; it is read again")
            }
            world.cluster.clearRequestErrors(api: Wire.fetch)
        }
    }
}

extension BrokerWorld {
    /// How many records a topic has.
    func records(in topic: String) async throws -> Int64 {
        let consumer = try KafkaConsumer(
            configuration: KafkaConfiguration(bootstrapServers: cluster.bootstrapServers),
            group: nil,
            logger: quietLogger
        )
        var count: Int64 = 0
        for partition in 0..<Int32(Self.partitions) {
            let place = TopicPartition(topic: topic, partition: partition)
            count += try await consumer.watermarks(place, timeout: .seconds(20)).high
        }
        await consumer.close(timeout: .seconds(2))
        return count
    }
}
