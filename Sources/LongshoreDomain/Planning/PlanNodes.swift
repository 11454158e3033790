/// Decides which nodes a task works on, with which images and Secrets.
///
/// - Parameters:
///   - spec: The task.
///   - facts: The cluster's nodes, in any order.
/// - Returns: The plan; nodes in the order of the request's names, else by name.
package func planNodes(spec: TaskSpec, facts: [NodeFacts]) -> NodePlan {
    var planner = NodePlanner(spec: spec)
    return planner.plan(facts)
}
