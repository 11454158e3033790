import LongshoreDomain
import WireFormats

extension TaskCoordinator {
    /// Those that are to be claimed before others when there is not room for all: the urgent ones first, then the older ones.
    static func byPriority(_ pullTasks: [PullTask]) -> [PullTask] {
        func order(_ pullTask: PullTask) -> (Int, Timestamp) { (-pullTask.priority, pullTask.acceptedAt) }
        return pullTasks.filter { $0.isReadyToRun || $0.wantsRetry }.sorted { order($0) < order($1) }
    }
}
