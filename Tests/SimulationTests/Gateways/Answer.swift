internal import EventLogProtocol
internal import EventSourcing

/// How a gateway answers an order.
enum Answer {
    /// It was obeyed: the counter after it, and the position of the last event that it recorded, if any.
    case obeyed(Revision<Counter>, position: UInt64?, isReplay: Bool)
    case refused(Counter.Refusal, isReplay: Bool)
    case conditionFailed(actual: UInt64)
    case keyReused
    case inProgress
    case failed(EventLogError.Code)
    /// The history, or the gateway itself, is at fault.
    case fault(String)
}
