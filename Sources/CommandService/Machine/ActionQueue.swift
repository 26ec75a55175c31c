/// What is to be done, in the order in which it was asked for.
///
/// Two arrays, since these move their elements in and out: actions are large, and to copy one costs more than all else
/// that is done with it here.
struct ActionQueue<Action> {
    /// Those whose turn comes first, the next of them last.
    private var next: [Action] = []
    /// Those after them.
    private var later: [Action] = []

    mutating func append(_ action: consuming Action) { later.append(action) }

    mutating func popFirst() -> Action? {
        if next.isEmpty {
            guard !later.isEmpty else { return nil }
            swap(&next, &later)
            next.reverse()
        }
        return next.popLast()
    }
}
