import Curl
import DeploymentSupport
import FoundationEssentials
import Logging
import LongshoreMessages
import RDKafka
import TestSupport
import WireFormats

/// Every place in which a caller can put the canary.
struct Places {
    /// Where the canary is looked for.
    var search: CanarySearch
    private(set) var tasks: [String] = []

    init(canary: Canary) {
        search = CanarySearch(for: [canary])
    }

    /// Asks over HTTP with the canary in every place; notes what is answered.
    mutating func addAnswers(of fleet: Fleet, canary: Canary, talker: String, webhook: String) async throws {
        let secret = JSONValue.string(canary.text)
        let registries = try await SharedRegistries.instance.get()
        let wrong: JSONValue = [
            "registry": .string(registries.first.address), "username": "robot", "password": secret,
        ]
        let image = JSONValue.string(registries.first.private)
        let auths = { (auth: JSONValue) -> JSONValue in
            [["dockerConfigJson": ["auths": [registries.first.address: auth]]]]
        }
        let bodies: [JSONValue] = [
            ["images": [image], "registryCredentials": [wrong], "webhookUrl": .string(webhook)],
            ["images": [image], "registryCredentials": [wrong], "checks": [], "webhookUrl": .string(webhook)],
            [
                "images": [.string("\(talker)/a/b:1")], "webhookUrl": .string(webhook),
                "registryCredentials": [
                    ["registry": .string(talker), "username": "robot", "password": secret]
                ],
            ],
            ["images": [image], "registryCredentials": auths(["username": "robot", "password": secret])],
            [
                "images": [image],
                "registryCredentials": auths(["auth": .string(Base64.encode(Array("robot:\(canary.text)".utf8)))]),
            ],
            ["images": [image], "registryCredentials": auths(["auth": secret])],
            [
                "images": [image],
                "registryCredentials": [["registry": .string(registries.first.address), "identityToken": secret]],
            ],
            ["images": [image], "username": "robot", "password": secret],
            ["images": [image], "passwrd": secret, "password": 7],
            [
                "images": [image],
                "registryCredentials": [["registry": secret, "username": "robot", "password": secret]],
            ],
            [
                "images": [image],
                "registryCredentials": [["registry": .string(registries.first.address), "pass": secret]],
            ],
            [
                "images": [image],
                "registryCredentials": [
                    ["registry": .string(registries.first.address), "username": "", "password": [secret]]
                ],
            ],
            ["images": [image], "registryCredentials": secret],
            ["images": [secret, .string("https://robot:\(canary.text)@harbor.example.com/a/b")]],
            ["images": [.string("robot:\(canary.text)@harbor.example.com/a/b:1")]],
            ["images": [image], "webhookUrl": .string("https://robot:\(canary.text)@hooks.example.com/")],
            ["images": [image], "labels": [canary.text: secret, "a b": secret]],
            ["images": [image], "project": secret, "cluster": secret, "priority": secret],
            [
                "images": [image],
                "registryCredentials": [
                    [
                        "registry": .string(registries.first.address), "username": "ü\u{0}",
                        "password": .string(canary.text + "\u{0}ü"),
                    ]
                ],
            ],
            [
                "images": [image],
                "registryCredentials": [
                    [
                        "registry": .string(registries.first.address), "username": "x",
                        "password": .string(String(repeating: canary.text, count: 2_000)),
                    ]
                ],
            ],
        ]
        for (index, body) in bodies.enumerated() {
            let answer = try await fleet.api.send("POST", "/v1/tasks", body: body.serialized())
            search.add("answer \(index)", answer.json.text())
            if let id = answer.json["id"]?.string { tasks.append(id) }
        }
        let torn = Array("{\"images\":[\"a\"],\"password\":\"\(canary.text)\", oops".utf8)
        for (index, bytes) in [torn, Array(canary.text.utf8), torn + [0xff, 0xfe]].enumerated() {
            let answer = try await fleet.api.send("POST", "/v1/tasks", body: bytes)
            search.add("answer to torn body \(index)", answer.json.text())
        }
        for path in [
            "/v1/tasks/\(canary.text)", "/v1/tasks?status=\(canary.text)", "/v1/tasks?\(canary.text)=1",
            "/\(canary.text)",
        ] {
            search.add("answer to \(path.prefix(10))", try await fleet.api.send("GET", path).json.text())
        }
        let stranger = try APIClient(base: fleet.http, token: canary.text)
        search.add("answer to a wrong token", try await stranger.send("GET", "/v1/tasks").json.text())
        await stranger.close()
    }

    /// Publishes requests with the canary in plain text, which is refused there.
    mutating func publish(to fleet: Fleet, canary: Canary) async throws {
        let producer = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: fleet.host.kafka),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let values = [
            "{\"images\":[\"a/b:1\"],\"registryCredentials\":[{\"registry\":\"a\",\"username\":\"u\",\"password\":\"\(canary.text)\"}]}",
            "{\"images\":[\"a/b:1\"],\"password\":\"\(canary.text)\"", "{\"\(canary.text)\":1}", canary.text,
            canary.base64,
            "{\"images\":[\"https://u:\(canary.text)@a/b\"],\"registryCredentials\":[{\"dockerConfigJson\":{\"auths\":{\"a\":{\"auth\":\"\(canary.base64)\"}}}}]}",
        ]
        let records = values.enumerated().map { index, value in
            let attributes = [
                ("ce_specversion", "1.0"), ("ce_id", "canary-\(index)"), ("ce_source", "/tests"),
                ("ce_type", "dev.longshore.task.requested.v1"), ("content-type", "application/json"),
            ]
            return ProducerRecord(
                topic: Topics.requests,
                key: Array("canary-\(index)".utf8),
                value: Array(value.utf8),
                headers: attributes.map { KafkaHeader(name: $0.0, value: Array($0.1.utf8)) }
            )
        }
        for outcome in await producer.send(records) { _ = try outcome.get() }
        await producer.close(timeout: .seconds(5))
        try await waitUntil(timeout: .seconds(60), "\(values.count) dead letters") {
            (try? await KafkaTopics.records(of: Topics.requestsDeadLetter, deployment: fleet.host).count)
                == values.count
        }
    }

    /// Waits until every accepted task has ended.
    func waitForEnds(of fleet: Fleet) async throws {
        for task in tasks { _ = try await fleet.api.waitForEnd(of: task, timeout: .seconds(120)) }
    }
}
