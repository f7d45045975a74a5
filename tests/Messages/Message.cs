using System.Text.RegularExpressions;
using EstProv.Platform;

namespace EstProv.Messages;

/// <summary>
/// What a user is shown for a problem, held to a file of this folder: <c>pain:</c> what this message spares him, <c>code:</c>, and the two
/// lines. With ESTPROV_UPDATE_TRANSCRIPTS set the last three are written anew, to be looked at by eye; the pain is written by hand.
/// </summary>
internal static partial class Message
{
    /// <param name="name">The code, or the code, a hyphen and the case: <c>module_missing</c>, <c>est_chain-unknown-ca</c>.</param>
    /// <param name="problem">As a user meets it.</param>
    /// <param name="names">What differs from run to run, and how the file calls it: a folder, a serial number.</param>
    public static void Shown(string name, ProblemException problem, params (string What, string Called)[] names)
        => Shown(name, problem.Code, problem.ToTerminalText(), names);

    /// <param name="name">The code, or the code, a hyphen and the case.</param>
    /// <param name="code">Stands before the name's first hyphen.</param>
    /// <param name="text"><c>error:</c> and <c>hint:</c>.</param>
    /// <param name="names">What differs from run to run, and how the file calls it.</param>
    public static void Shown(string name, string code, string text, params (string What, string Called)[] names)
    {
        Assert.That(name.Split('-')[0], Is.EqualTo(code), text);
        foreach (var (what, called) in names) text = text.Replace(what, called, StringComparison.Ordinal);
        text = Port().Replace(text, "${host}:PORT");
        var file = Path.Combine(Folder(), name + ".txt");
        var written = $"code: {code}\n{text}\n";
        if (Environment.GetEnvironmentVariable("ESTPROV_UPDATE_TRANSCRIPTS") is { Length: > 0 })
        {
            var pain = File.Exists(file) ? File.ReadAllLines(file)[0] : "pain: ";
            File.WriteAllText(file, $"{pain}\n{written}");
            return;
        }

        var expected = File.ReadAllText(file);
        Assert.That(written, Is.EqualTo(expected[(expected.IndexOf('\n') + 1)..]), file);
    }

    /// <summary>The code, and the two lines as a terminal has them, of a line of the log: <c>Warning: what (code=…; hint: …)</c>.</summary>
    public static (string Code, string Text) OfLog(string line)
    {
        var parts = InLog().Match(line);
        Assert.That(parts.Success, line);
        return (parts.Groups["code"].Value, $"error: {parts.Groups["what"].Value}\nhint: {parts.Groups["hint"].Value}");
    }

    private static string Folder()
    {
        // The path that the compiler knows is mapped; the build's output lies under the project.
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !Directory.Exists(Path.Combine(folder.FullName, "tests", "Messages"))) folder = folder.Parent;
        return Path.Combine(folder!.FullName, "tests", "Messages");
    }

    [GeneratedRegex(@"^\w+: (?<what>.*) \(code=(?<code>[a-z0-9_]+)(?:; hint: (?<hint>.*))?\)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex InLog();

    [GeneratedRegex(@"(?<host>localhost|127\.0\.0\.1|\[::1\]):\d+", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Port();
}
