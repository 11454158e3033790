import LongshoreDomain
import LongshoreMessages
import ServiceRuntime

/// Orders the creations and deletions of one task's Jobs: events in, actions out, no I/O.
///
/// Whatever the order of the events:
/// - A Job is deleted only once a status that records the end of its attempt is written, or the task's end is.
/// - A Job is not deleted while a call that creates it is unanswered: that call would make the Job anew.
/// - A Job is not created while another Job of its node is being deleted.
/// - Every deletion that is asked for is carried out, and once: ``isSettled`` is false until it is answered.
struct JobSequencer: Sendable {
    /// What is to be done.
    enum Action: Sendable, Hashable {
        /// Create the attempt's Job and answer with ``JobSequencer/creationAnswered(_:)``.
        case create(TaskRun.JobStart)
        /// Do not send the call that creates the attempt's Job, if it is not sent yet.
        case withdraw(AttemptKey)
        /// Delete the Job and answer with ``JobSequencer/deletionAnswered(_:)``.
        case delete(JobWriter.Deletion)
    }

    private let taskID: TaskID
    /// Attempts whose call is unanswered.
    private var creating: [AttemptKey: TaskRun.JobStart] = [:]
    /// Deletions that wait for the answer to their Job's creation.
    private var held: [AttemptKey: JobWriter.Deletion] = [:]
    /// Deletions that wait for a status that records their attempts' ends.
    private var unrecorded: [JobWriter.Deletion] = []
    /// Deletions whose attempts' ends are in the status that is being written.
    private var recording: [JobWriter.Deletion] = []
    /// The names of the Jobs that are to be deleted, by node, until their deletion is answered.
    private var deleting: [String: Set<String>] = [:]
    /// The attempt to start on a node when its former Jobs are deleted.
    private var waiting: [String: TaskRun.JobStart] = [:]
    /// The uids of deleted Jobs; news of them may still arrive.
    private var deleted = RecentSet<String>(limit: 2_000)
    private var hasEnded = false
    private var isReleasing = false

    /// Makes a sequencer for a task none of whose Jobs is being created or deleted.
    init(taskID: TaskID) {
        self.taskID = taskID
    }

    /// Whether no creation is unanswered: only then may the task be given up, as the next owner must find its Jobs.
    var mayRelease: Bool { creating.isEmpty }

    /// Whether every creation and every deletion is answered.
    var isSettled: Bool { creating.isEmpty && deleting.isEmpty }

    /// Whether deletions wait for a status that is not being written yet.
    var needsStatus: Bool { !unrecorded.isEmpty }

    /// The Jobs that need not be deleted by anyone else.
    var handled: JobsBeingRemoved { JobsBeingRemoved(nodes: Set(deleting.keys), uids: deleted) }

    // MARK: - Creations

    /// An attempt is to be started.
    mutating func start(_ start: TaskRun.JobStart) -> [Action] {
        guard !isReleasing, !hasEnded else { return [] }
        guard deleting[start.node] == nil else {
            waiting[start.node] = start
            return []
        }
        creating[AttemptKey(node: start.node, attempt: start.attempt)] = start
        return [.create(start)]
    }

    /// The call that creates an attempt's Job is answered, has failed, or was never sent.
    mutating func creationAnswered(_ key: AttemptKey) -> [Action] {
        guard let start = creating.removeValue(forKey: key) else { return [] }
        if let deletion = held.removeValue(forKey: key) { return record(deletion) }
        // Nobody waits for a Job of a task that has ended.
        return hasEnded ? attemptEnded(node: start.node, attempt: start.attempt, uid: nil) : []
    }

    // MARK: - Deletions

    /// An attempt has ended: its Job, if there is one, is to be deleted.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - attempt: The attempt.
    ///   - uid: The Job's uid; `nil` where the Job was not seen.
    /// - Returns: The deletion when it need not wait for anything.
    mutating func attemptEnded(node: String, attempt: Int, uid: String?) -> [Action] {
        if waiting[node]?.attempt == attempt { waiting[node] = nil }
        let name = SecretNames.job(taskID, node: node, attempt: attempt)
        guard deleting[node, default: []].insert(name).inserted else { return [] }
        let deletion = JobWriter.Deletion(node: node, name: name, uid: uid)
        let key = AttemptKey(node: node, attempt: attempt)
        guard creating[key] != nil else { return record(deletion) }
        held[key] = deletion
        return [.withdraw(key)]
    }

    /// A Job of the task was seen that belongs to no attempt in work.
    ///
    /// - Returns: Its deletion; nothing where a Job of its node is being deleted or it was deleted already.
    mutating func strayFound(_ deletion: JobWriter.Deletion) -> [Action] {
        guard deleting[deletion.node] == nil, let uid = deletion.uid, !deleted.contains(uid) else { return [] }
        deleting[deletion.node] = [deletion.name]
        return [.delete(deletion)]
    }

    /// A deletion was carried out, or given up.
    mutating func deletionAnswered(_ removal: JobWriter.Removal) -> [Action] {
        if let uid = removal.uid { deleted.insert(uid) }
        deleting[removal.node]?.remove(removal.name)
        guard deleting[removal.node]?.isEmpty == true else { return [] }
        deleting[removal.node] = nil
        return waiting.removeValue(forKey: removal.node).map { start($0) } ?? []
    }

    private mutating func record(_ deletion: JobWriter.Deletion) -> [Action] {
        if hasEnded { return [.delete(deletion)] }
        unrecorded.append(deletion)
        return []
    }

    // MARK: - The status

    /// A status with everything that is known now is about to be written.
    mutating func statusBegan() {
        recording += unrecorded
        unrecorded = []
    }

    /// The status is written, or there is none to write any more.
    mutating func statusWritten() -> [Action] {
        defer { recording = [] }
        return recording.map { .delete($0) }
    }

    /// The task's end is recorded and told: no further status is waited for.
    mutating func taskEnded() -> [Action] {
        hasEnded = true
        waiting = [:]
        defer { unrecorded = [] }
        return statusWritten() + unrecorded.map { .delete($0) }
    }

    /// The task is to be given up: nothing is started any more.
    mutating func release() {
        isReleasing = true
        waiting = [:]
    }
}
