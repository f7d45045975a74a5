namespace EstProv.Crash;

/// <summary>The harness itself cannot work: no judgement of the product.</summary>
internal class HarnessException(string message, Exception? cause = null) : Exception(message, cause);
