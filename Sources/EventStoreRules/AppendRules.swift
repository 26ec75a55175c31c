package import EventSourcing

/// What every append must keep to, whatever the log holds.
package enum AppendRules {
    /// The most bytes of data and metadata in one event.
    package static let largestEvent = 1 << 20

    /// What an append breaks, in one clause with the value; nil where it is in order.
    package static func violation(in request: AppendRequest) -> String? {
        if let command = request.command, let reason = violation(in: command) { return reason }
        if request.writes.count > AppendRequest.maxStreams {
            return "it names more than \(AppendRequest.maxStreams) streams"
        }
        var streams = Set<StreamID>()
        var events = 0
        for write in request.writes {
            if request.writes.count > 1 && !streams.insert(write.stream).inserted {
                return "stream \(write.stream) is named twice"
            }
            if write.expected.isContradiction {
                return "version 0 of stream \(write.stream) has no last event, but one is expected"
            }
            events += write.events.count
            if events > AppendRequest.maxEvents { return "it has more than \(AppendRequest.maxEvents) events" }
        }
        if request.writes.isEmpty { return "it names no stream" }
        for write in request.writes {
            for (index, event) in write.events.enumerated() {
                if let reason = violation(in: event) { return "event \(index) of stream \(write.stream) \(reason)" }
            }
        }
        return nil
    }

    private static func violation(in command: CommandKey) -> String? {
        if command.key.isEmpty || command.key.count > CommandKey.longestKey {
            return "its command key has \(command.key.count) bytes, not 1 to \(CommandKey.longestKey)"
        }
        if command.outcome.count > CommandKey.longestOutcome {
            return "its outcome has \(command.outcome.count) bytes, more than \(CommandKey.longestOutcome)"
        }
        return nil
    }

    private static func violation(in event: NewEvent) -> String? {
        if !StreamID.isValidEventType(event.type) { return "has a type of another alphabet or length" }
        if event.schemaVersion == 0 { return "has schema version 0, and they begin with 1" }
        if event.data.count + event.metadata.count > largestEvent {
            return "has \(event.data.count + event.metadata.count) bytes, more than \(largestEvent)"
        }
        if let problem = EventValidation.problem(in: event.data, requireObject: false) {
            return "has data that is not JSON: \(problem)"
        }
        if !event.metadata.isEmpty,
            let problem = EventValidation.problem(in: event.metadata, requireObject: true)
        {
            return "has metadata that is not a JSON object: \(problem)"
        }
        return nil
    }
}

extension ExpectedVersion {
    /// Whether it expects an event that cannot be: the last one of a stream without events.
    fileprivate var isContradiction: Bool {
        if case .exactly(0, lastEvent: .some) = self { true } else { false }
    }
}
