internal import EventLogProtocol
internal import EventSourcing
internal import HTTPTypes
internal import JSON
internal import Logging
internal import ServiceSupport

/// What clients are told of commands that were not obeyed.
struct CommandProblems<Domain: CommandDomain>: Sendable {
    let domain: Domain
    let log: KnownLog
    let logger: Logger

    /// What the client is told, amounts in a form, and the log position that it reflects.
    func problem(
        for failure: CommandFailure<Domain.State>, _ order: CommandOrder<Domain.State>,
        _ form: DecimalForm
    ) -> (Problem, position: UInt64) {
        switch failure {
        case .refused(let refusal, let position):
            let problem = domain.problem(for: refusal, of: order.stream, to: order.sender)
            return (problem.writing(domain.amountMembers, as: form), position)
        case .conditionFailed(let actual, let position):
            return (versionMismatch(order, actual: actual), position)
        case .beyondReach(let stream, let position):
            return (domain.problem(forUnseen: stream), position)
        case .keyReused:
            let problem = Problem(
                .unprocessableContent, "idempotency-key-reused", title: "Idempotency key reused",
                detail: "this Idempotency-Key was used on \(order.stream.name) for another command; use a new one")
            return (problem, log.position)
        case .inProgress:
            let problem = Problem(
                .conflict, "command-in-progress", title: "Command in progress",
                detail: "the command with this Idempotency-Key is being obeyed; ask again for its outcome",
                headers: [.retryAfter: "1"])
            return (problem, log.position)
        case .unreadable(let error):
            let message: PrintableText = "\(error.description)"
            logger.error(
                "a command failed: a record cannot be applied",
                metadata: ["stream": "\(order.stream)", "error": "\(message)"])
            return (domain.problem(forUnreadable: error, to: order.sender), log.position)
        case .fault(let message):
            logger.error("a command failed", metadata: ["stream": "\(order.stream)", "error": "\(message)"])
            return (.internalError, log.position)
        case .log(let error):
            log.warnings.add(error, of: order.stream, to: logger)
            return (problem(for: error), log.position)
        }
    }

    private func versionMismatch(_ order: CommandOrder<Domain.State>, actual: UInt64) -> Problem {
        var members = [JSONValue.Member(name: "actual", value: .number(JSONNumber(Int64(clamping: actual))))]
        if let expected = order.condition.expectedVersion {
            let member = JSONValue.Member(name: "expected", value: .number(JSONNumber(Int64(clamping: expected))))
            members.insert(member, at: 0)
        }
        return Problem(
            .preconditionFailed, "version-mismatch", title: "Version mismatch",
            detail: "\(order.stream.name) is at version \(actual), which is not what the request demands",
            members: members)
    }

    private func problem(for error: EventLogError) -> Problem {
        switch error.code {
        case .overloaded:
            return Problem(
                .serviceUnavailable, "overloaded", title: "Overloaded",
                detail: "more commands wait than the service takes; nothing was recorded, send it again later",
                headers: [.retryAfter: "1"])
        case .outcomeUnknown:
            return Problem(
                .gatewayTimeout, "outcome-unknown", title: "Outcome unknown",
                detail: "the event log did not answer in time: the command may have been recorded; "
                    + "repeat it with the same Idempotency-Key")
        default:
            return Problem(
                .serviceUnavailable, "log-unavailable", title: "Event log unavailable",
                detail: "the event log cannot be reached, or cannot write now; nothing was recorded, "
                    + "send it again later",
                headers: [.retryAfter: "1"])
        }
    }
}
