namespace EstProv.Crash.Checks;

/// <summary>A device did not survive: what is wrong with it.</summary>
internal sealed class Finding(string message) : Exception(message);
