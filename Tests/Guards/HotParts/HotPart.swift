/// A piece of work that every command, every event or every query passes through.
struct HotPart: Sendable {
    /// Names it on the command line and in thresholds.json.
    let name: String
    /// Does it so many times. What is prepared before costs the same for every number.
    ///
    /// Not asynchronous: valgrind does not survive how Swift's asynchronous main program parks the first thread.
    let run: @Sendable (Int) throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (Int) throws -> Void) {
        self.name = name
        self.run = run
    }

    /// All of them, in the order in which a command passes through them.
    static let all =
        AccessParts.all + CommandParts.all + FrameParts.all + PublishParts.all + StoreParts.all + QueryParts.all
}

/// A part did not do what it is counted for, so that its figures would mean nothing.
struct WrongResult: Error {
    let part: String
}

/// Takes a result as if it were needed, so that no compiler leaves out the work that made it.
@inline(never) @_optimize(none)
func use(_ result: some Any) {}
