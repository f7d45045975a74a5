using EstProv.Cli.Output;

namespace EstProv.Cli.Tests;

/// <summary>
/// Runs the command and compares all that a terminal would show with a file of <c>Transcripts</c>. With ESTPROV_UPDATE_TRANSCRIPTS set the file is
/// written anew, to be looked at by eye. One of trouble begins with a line that is written by hand: what it spares its reader.
/// </summary>
internal static class Transcript
{
    public const string Pain = "# pain: ";

    public static void Check(string name, FakeDevice? device, params string[] arguments)
    {
        var shown = Run(device, arguments, out var code);
        Compare(name, arguments, shown, code, device?.Folder, "/run/estprov");
    }

    /// <summary>Of a command that asks no daemon, but reads and writes files in a folder, which the transcript calls <c>/etc</c>.</summary>
    public static void CheckIn(string folder, string name, params string[] arguments)
    {
        var shown = Run(null, arguments, out var code);
        Compare(name, arguments, shown, code, folder, "/etc");
    }

    public static void Compare(string name, string[] arguments, string shown, int code, string? folder, string called)
    {
        var text = $"$ estprov {string.Join(' ', arguments)}\n{shown}[exit {code}]\n";
        if (folder is not null) text = text.Replace(folder, called, StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("ESTPROV_UPDATE_TRANSCRIPTS") is { Length: > 0 })
        {
            var file = Path.Combine(SourceFolder(), "Transcripts", name + ".txt");
            var head = File.Exists(file) ? Head(File.ReadAllText(file)) : "";
            File.WriteAllText(file, (head.Length == 0 && IsOfTrouble(text) ? Pain + "\n" : head) + text);
            return;
        }

        Assert.That(text, Is.EqualTo(Shown(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Transcripts", name + ".txt")))));
    }

    /// <summary>What the terminal showed, without the line that is written by hand.</summary>
    public static string Shown(string transcript) => transcript[Head(transcript).Length..];

    public static bool IsOfTrouble(string shown)
        => shown.Contains("error: ", StringComparison.Ordinal) || shown.Contains("warning: ", StringComparison.Ordinal)
            || !shown.EndsWith("[exit 0]\n", StringComparison.Ordinal);

    private static string Head(string transcript)
        => transcript.StartsWith(Pain, StringComparison.Ordinal) ? transcript[..(transcript.IndexOf('\n') + 1)] : "";

    /// <summary>Output and errors in the order in which they came.</summary>
    public static string Run(FakeDevice? device, string[] arguments, out int code, bool colour = false)
    {
        using var screen = new StringWriter { NewLine = "\n" };
        if (device is not null) arguments = [.. arguments, "--runtime-dir", device.Folder];
        code = OperatorCommand.Run(arguments, new Terminal(screen, screen, colour, colour, colour), "1.2.3", device?.Time ?? TimeProvider.System,
            device?.Machine);
        return screen.ToString();
    }

    public static string SourceFolder()
    {
        // The path that the compiler knows is mapped; the build's output lies under the project.
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "EstProv.Cli.Tests.csproj"))) folder = folder.Parent;
        return folder!.FullName;
    }
}
