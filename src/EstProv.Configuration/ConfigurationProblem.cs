namespace EstProv.Configuration;

/// <summary>One error or warning about a configuration.</summary>
/// <param name="Position">Where the value stands that it is about.</param>
/// <param name="Message">What, its value, and what is allowed; never a secret.</param>
/// <param name="Hint">What to do; never empty.</param>
public sealed record ConfigurationProblem(Position Position, string Message, string Hint)
{
    /// <summary><c>file:line:column: message</c>.</summary>
    public override string ToString() => $"{Position}: {Message}";
}
