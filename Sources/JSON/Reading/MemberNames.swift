/// The names that an object has shown so far.
///
/// Names are compared byte by byte: Swift's own equality of strings calls two spellings of `é` the same, JSON does not.
/// Nearly every object has a handful of members, for which a search is faster than hashing; past that a set keeps an
/// object of ten thousand members from costing its square.
struct MemberNames {
    private static let longestSearch = 8

    /// The first names; in place, so that an object of few members costs no allocation.
    private var few: [8 of String] = .init(repeating: "")
    private var count = 0
    /// All names, once there are more.
    private var many: Set<ExactName> = []

    /// Takes a name in; false where it is in already.
    mutating func insert(_ name: String) -> Bool {
        if many.isEmpty {
            for index in 0..<count where ExactName(few[index]) == ExactName(name) { return false }
            if count < Self.longestSearch {
                few[count] = name
                count += 1
                return true
            }
            for index in 0..<count { many.insert(ExactName(few[index])) }
        }
        return many.insert(ExactName(name)).inserted
    }
}

/// A name that is equal to another only where all bytes agree.
private struct ExactName: Hashable {
    let name: String

    init(_ name: String) {
        self.name = name
    }

    static func == (left: ExactName, right: ExactName) -> Bool {
        // Strings of equal bytes are equal strings, and that comparison is the fast one.
        left.name.utf8.count == right.name.utf8.count && left.name == right.name
            && left.name.utf8.elementsEqual(right.name.utf8)
    }

    func hash(into hasher: inout Hasher) {
        var name = name
        name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
