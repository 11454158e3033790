/// Handles items several at a time.
///
/// - Parameters:
///   - items: The items.
///   - limit: How many are handled at once; at least 1.
///   - body: Handles one.
/// - Returns: The results, in the items' order.
package func concurrentMap<Item: Sendable, Result: Sendable>(
    _ items: [Item],
    limit: Int,
    _ body: @Sendable @escaping (Item) async -> Result
) async -> [Result] {
    await withTaskGroup(of: (Int, Result).self) { group in
        var results = [Result?](repeating: nil, count: items.count)
        for (index, item) in items.enumerated() {
            if index >= limit, let (done, result) = await group.next() { results[done] = result }
            group.addTask { (index, await body(item)) }
        }
        for await (done, result) in group { results[done] = result }
        return results.compactMap(\.self)
    }
}
