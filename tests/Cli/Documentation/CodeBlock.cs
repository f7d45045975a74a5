namespace EstProv.Cli.Tests.Documentation;

/// <param name="info">What stands behind the backticks: a language, and for guides what is to be done with it.</param>
/// <param name="line">Of its first line.</param>
/// <param name="isFenced">Else it is indented.</param>
internal sealed class CodeBlock(string info, int line, bool isFenced)
{
    public string Info => info;

    public int Line => line;

    public bool IsFenced => isFenced;

    public List<string> Lines { get; } = [];
}
