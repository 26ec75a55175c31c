internal import ServiceLifecycle

/// Tells the service manager that the service is about to end. To be named last: services stop in the reverse order.
struct StopNotice: Service {
    func run() async {
        await waitForShutdown()
        ServiceManager.send(.stopping)
        // The contract allows 5 s.
        ShutdownDeadline.begin(.milliseconds(4700), exitCode: 1)
    }
}
