/// JSON pointers (RFC 6901), which name a place in a document: `/errors/0/detail`; the empty one is the document.
public enum JSONPointer {
    /// The pointer to a member of the document's top object: `/` and the name, `~` written as `~0`, `/` as `~1`.
    public static func member(_ name: String) -> String {
        var pointer = "/"
        // By scalars, not by characters: a slash with a combining mark after it is one character, but still a slash.
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": pointer += "~0"
            case "/": pointer += "~1"
            default: pointer.unicodeScalars.append(scalar)
            }
        }
        return pointer
    }

    /// The pointer to an element of the document's top array, counted from 0.
    public static func element(_ index: Int) -> String { "/\(index)" }
}
