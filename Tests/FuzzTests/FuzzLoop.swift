import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// How long and from where to fuzz.
struct FuzzSettings: Sendable {
    /// The number of inputs for each target: `LONGSHORE_FUZZ_ITERATIONS`, 1,500 by default.
    var iterations = 1_500
    /// If set, the time for each target in seconds, in the place of a number of inputs: `LONGSHORE_FUZZ_SECONDS`.
    var seconds: Int?
    /// What chance begins with: `LONGSHORE_FUZZ_SEED`, 1 by default. The same seed makes the same inputs.
    var seed: UInt64 = 1
    /// Where inputs that break something are written to: `LONGSHORE_FUZZ_FOLDER`, `TMPDIR` by default.
    var folder = "/tmp"

    /// The settings in the environment.
    static var current: FuzzSettings {
        var settings = FuzzSettings()
        let environment = ProcessInfo.processInfo.environment
        settings.iterations = environment["LONGSHORE_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? settings.iterations
        settings.seconds = environment["LONGSHORE_FUZZ_SECONDS"].flatMap { Int($0) }
        settings.seed = environment["LONGSHORE_FUZZ_SEED"].flatMap { UInt64($0) } ?? settings.seed
        settings.folder = environment["LONGSHORE_FUZZ_FOLDER"] ?? environment["TMPDIR"] ?? settings.folder
        return settings
    }
}

/// Gives a target its samples as they stand and then changed ones, until the settings' end or the first violation.
///
/// The input that is being looked at is always in a file, which stays when the process ends with it.
func fuzz(_ target: FuzzTarget, settings: FuzzSettings = .current) throws {
    let samples = try samples(of: target)
    var generator = SeededGenerator(seed: settings.seed)
    var mutator = Mutator(target: target, samples: samples)
    var outcomes: Set<String> = []
    let lastInput = try LastInput("\(settings.folder)/fuzz-\(target.name)-\(settings.seed).input")
    let deadline = settings.seconds.map { ContinuousClock.now + .seconds($0) }
    var iteration = 0
    while iteration < samples.count || deadline.map({ ContinuousClock.now < $0 }) ?? (iteration < settings.iterations) {
        let input = iteration < samples.count ? samples[iteration] : mutator.next(using: &generator)
        iteration += 1
        try lastInput.keep(input)
        do {
            let outcome = try timed { try target.check(input) }
            if outcomes.insert(outcome).inserted { mutator.add(input) }
        } catch let violation as Violation {
            let small = shrink(input) { (try? target.check($0)) == nil }
            try lastInput.keep(small)
            Issue.record(
                """
                \(target.name), input \(iteration) of seed \(settings.seed): \(violation)
                \(small.count) bytes in \(lastInput.path), for Corpus/\(target.name) once it is mended
                """
            )
            return
        }
    }
    lastInput.remove()
    print("\(target.name): \(iteration) inputs, \(outcomes.count) outcomes")
}

/// The files in a target's folder of `Corpus`, in the order of their names.
private func samples(of target: FuzzTarget) throws -> [[UInt8]] {
    let folder = "/\(#filePath.split(separator: "/").dropLast().joined(separator: "/"))/Corpus/\(target.name)"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
    #expect(!names.isEmpty, "\(folder) has no samples")
    return try names.sorted().map { Array(try Data(contentsOf: URL(filePath: "\(folder)/\($0)"))) }
}

/// No input may take long; the limit is only meant for what takes a power of the input's size.
private func timed(_ check: () throws -> String) throws -> String {
    let start = ContinuousClock.now
    let outcome = try check()
    let time = ContinuousClock.now - start
    try require(time < .seconds(20), "the input took \(time)")
    return outcome
}

/// Leaves out ever smaller pieces of an input for as long as it still fails.
private func shrink(_ input: [UInt8], fails: ([UInt8]) -> Bool) -> [UInt8] {
    var small = input
    var piece = max(1, input.count / 2)
    var tries = 0
    while tries < 4_000 {
        var start = 0
        var wasShortened = false
        while start < small.count, tries < 4_000 {
            var shorter = small
            shorter.removeSubrange(start..<min(start + piece, small.count))
            tries += 1
            if fails(shorter) {
                small = shorter
                wasShortened = true
            } else {
                start += piece
            }
        }
        if piece == 1, !wasShortened { break }
        piece = max(1, piece / 2)
    }
    return small
}

/// The file with the input that is being looked at.
private final class LastInput {
    let path: String
    private let file: FileDescriptor

    init(_ path: String) throws {
        self.path = path
        file = try .open(
            FilePath(path),
            .writeOnly,
            options: [.create, .truncate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead]
        )
    }

    deinit { try? file.close() }

    func keep(_ input: [UInt8]) throws {
        try file.resize(to: 0)
        try file.writeAll(toAbsoluteOffset: 0, input)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
