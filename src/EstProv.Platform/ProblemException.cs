namespace EstProv.Platform;

/// <summary>
/// The one error that reaches users: two lines on a terminal (<c>error:</c>, <c>hint:</c>), fields of a log line, and the body
/// <c>{"message", "hint", "code"}</c> of a local API answer.
/// </summary>
/// <remarks>
/// Never put a secret (PIN, symmetric key, SAS) into a message, and never another exception's bare text: the trimmed framework
/// replaces its texts by resource keys.
/// </remarks>
public sealed class ProblemException : Exception
{
    /// <param name="code">Stable and machine-readable, in lower case with underscores, such as <c>pin_incorrect</c>.</param>
    /// <param name="message">What failed, with the file:line:column, URL, certificate, key or credential concerned.</param>
    /// <param name="hint">What to do next; empty when there is nothing to add.</param>
    /// <param name="status">The HTTP status with which a local API answers.</param>
    /// <param name="inner">The cause, for the programmer; its text is not shown.</param>
    public ProblemException(string code, string message, string hint = "", int status = 500, Exception? inner = null)
        : base(message, inner)
    {
        Code = code;
        Hint = hint;
        Status = status;
    }

    public string Code { get; }

    public string Hint { get; }

    public int Status { get; }

    /// <summary>How long to wait before trying again, where the other side said so (Retry-After).</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The two lines that a terminal shows.</summary>
    public string ToTerminalText() => Hint.Length == 0 ? $"error: {Message}" : $"error: {Message}\nhint: {Hint}";

    /// <summary>The one line that a log shows.</summary>
    public string ToLogText() => Hint.Length == 0 ? $"{Message} (code={Code})" : $"{Message} (code={Code}; hint: {Hint})";
}
