namespace EstProv.Crash;

/// <summary>
/// Nobody had interrupted the daemons yet, and they came to no end in time: on an overloaded machine a request meets its deadline, and what
/// failed is tried again only after minutes.
/// </summary>
internal sealed class StalledException(string message) : HarnessException(message);
