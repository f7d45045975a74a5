using System.Text;

namespace EstProv.Configuration;

/// <summary>What came of loading a configuration: the value, or everything that is wrong with it.</summary>
public sealed class Loaded<T>
    where T : class
{
    internal Loaded(T? value, IReadOnlyList<ConfigurationProblem> errors, IReadOnlyList<ConfigurationProblem> warnings)
    {
        Value = errors.Count == 0 ? value : null;
        Errors = errors;
        Warnings = warnings;
    }

    /// <summary>The configuration; null when there are errors.</summary>
    public T? Value { get; }

    /// <summary>Every error of every file, in the order of the files and of their lines.</summary>
    public IReadOnlyList<ConfigurationProblem> Errors { get; }

    /// <summary>What works, but is surely not meant so; in the same order.</summary>
    public IReadOnlyList<ConfigurationProblem> Warnings { get; }

    /// <summary>Lines <c>error: …</c> and <c>warning: …</c>, each followed by its <c>hint: …</c> where there is one; empty when all is well.</summary>
    public string ToTerminalText()
    {
        var text = new StringBuilder();
        foreach (var error in Errors) Append(text, "error: ", error);
        foreach (var warning in Warnings) Append(text, "warning: ", warning);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string kind, ConfigurationProblem problem)
    {
        text.Append(kind).Append(problem.Position.ToString()).Append(": ").Append(problem.Message).Append('\n');
        if (problem.Hint.Length > 0) text.Append("hint: ").Append(problem.Hint).Append('\n');
    }
}
