using EstProv.Platform;

namespace EstProv.Cli.Output;

/// <summary>Where a command writes to: plain lines, with colour where a person looks at them.</summary>
internal sealed class Terminal(TextWriter output, TextWriter error, bool outputColour, bool errorColour, bool isScreen = false)
{
    private const string Reset = "\e[0m";

    public TextWriter Output => output;

    /// <summary>Colour only on a terminal, and not where NO_COLOR is set (no-color.org) or the terminal has none.</summary>
    public static Terminal Of(TextWriter output, TextWriter error)
    {
        var isAble = Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } and not "dumb";
        var wanted = isAble && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        var isScreen = isAble && ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;
        return new Terminal(output, error, wanted && isScreen, wanted && ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected, isScreen);
    }

    public void Line(string text = "")
    {
        output.Write(text);
        output.Write('\n');
    }

    /// <summary>An empty screen, where a person looks at it; elsewhere nothing.</summary>
    public void Clear()
    {
        if (isScreen) output.Write("\e[H\e[2J");
    }

    public void Flush() => output.Flush();

    public string Good(string text) => Paint("\e[32m", text);

    public string Bad(string text) => Paint("\e[31m", text);

    public string Warn(string text) => Paint("\e[33m", text);

    public string Faint(string text) => Paint("\e[2m", text);

    public string Strong(string text) => Paint("\e[1m", text);

    /// <summary>The two lines of a problem, on the error stream.</summary>
    public void Error(string message, string hint) => TwoLines("error:", "\e[1;31m", message, hint);

    /// <summary>The same of something that is done, and may not be as it should.</summary>
    public void Warning(string message, string hint) => TwoLines("warning:", "\e[1;33m", message, hint);

    public void Error(ProblemException problem) => Error(problem.Message, problem.Hint);

    /// <summary>Text that is in two-line form already, on the error stream.</summary>
    public void ErrorText(string text) => error.Write(text);

    private void TwoLines(string word, string colour, string message, string hint)
    {
        error.Write(errorColour ? $"{colour}{word}{Reset} {message}\n" : $"{word} {message}\n");
        if (hint.Length > 0) error.Write(errorColour ? $"\e[1mhint:{Reset} {hint}\n" : $"hint: {hint}\n");
        error.Flush();
    }

    private string Paint(string colour, string text) => outputColour ? colour + text + Reset : text;
}
