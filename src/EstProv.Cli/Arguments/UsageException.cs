namespace EstProv.Cli.Arguments;

/// <summary>The command was called wrongly; exit code 64 (EX_USAGE of sysexits.h).</summary>
internal sealed class UsageException(string message) : Exception(message);
