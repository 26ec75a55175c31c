extension JSONReader {
    /// Reads an object, member by member.
    ///
    /// - Parameters:
    ///   - refusingDuplicates: whether a name that comes again is an error. A caller that says no must look itself.
    ///   - member: is given the name, escapes resolved, and the reader before the value. It reads exactly one value;
    ///     where it reads nothing, the value is skipped.
    /// - Throws: `unexpectedKind` where another value comes next; `duplicateMember`, with the pointer of the member;
    ///   `tooDeep`; what `member` throws, its pointer completed; else as ``skipValue()``.
    public mutating func readObject(
        refusingDuplicates: Bool = true,
        _ member: (_ name: String, _ reader: inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        try expect(.object)
        try enter()
        var names = MemberNames()
        skipWhiteSpace()
        if next == ASCII.closeBrace { return leave() }
        while true {
            skipWhiteSpace()
            let start = offset
            let name = try scanMemberName()
            if refusingDuplicates, !names.insert(name) {
                throw JSONError(
                    code: .duplicateMember, offset: start, pointer: JSONPointer.member(name),
                    reason: "a member that is given already")
            }
            skipWhiteSpace()
            let before = offset
            do {
                try member(name, &self)
                if offset == before { try skipValue() }
            } catch {
                throw error.inside(JSONPointer.member(name))
            }
            skipWhiteSpace()
            if next == ASCII.closeBrace { return leave() }
            guard next == ASCII.comma else { throw unexpected("expected a comma or the end of the object") }
            offset += 1
        }
    }

    /// Reads an array, element by element.
    ///
    /// - Parameter element: is given the reader before the element. It reads exactly one value; where it reads
    ///   nothing, the element is skipped.
    /// - Throws: `unexpectedKind` where another value comes next; `tooDeep`; what `element` throws, its pointer
    ///   completed; else as ``skipValue()``.
    public mutating func readArray(
        _ element: (_ reader: inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        try expect(.array)
        try enter()
        skipWhiteSpace()
        if next == ASCII.closeBracket { return leave() }
        var index = 0
        while true {
            skipWhiteSpace()
            let before = offset
            do {
                try element(&self)
                if offset == before { try skipValue() }
            } catch {
                throw error.inside(JSONPointer.element(index))
            }
            index += 1
            skipWhiteSpace()
            if next == ASCII.closeBracket { return leave() }
            guard next == ASCII.comma else { throw unexpected("expected a comma or the end of the array") }
            offset += 1
        }
    }

    /// Steps into the array or object whose first byte comes next.
    private mutating func enter() throws(JSONError) {
        guard depth < maximumDepth else { throw tooDeep() }
        depth += 1
        offset += 1
    }

    /// Steps out of the array or object whose last byte comes next.
    private mutating func leave() {
        depth -= 1
        offset += 1
    }
}
