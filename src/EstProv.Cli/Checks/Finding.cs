using EstProv.Platform;

namespace EstProv.Cli.Checks;

internal enum Verdict
{
    Pass,
    Warning,
    Error,
}

/// <summary>One thing that a check looked at.</summary>
/// <param name="check">Which check, a word of the documented list.</param>
internal sealed class Finding(string check, Verdict verdict, ProblemException what)
{
    public string Check => check;

    public Verdict Verdict => verdict;

    /// <summary>Of what is in order, with an empty code.</summary>
    public ProblemException What => what;
}
