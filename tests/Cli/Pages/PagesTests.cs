using System.Diagnostics;
using EstProv.Cli.Output;

namespace EstProv.Cli.Tests.Pages;

/// <summary>The man page and the completion in the tree are those that are made of the commands, as their help is. With
/// ESTPROV_UPDATE_TRANSCRIPTS set they are written anew.</summary>
public sealed class PagesTests
{
    [TestCase("estprov.1")]
    [TestCase("estprov.bash")]
    public void A_page_is_what_the_commands_make(string file)
    {
        var made = file == "estprov.1" ? Page() : Script();
        if (Environment.GetEnvironmentVariable("ESTPROV_UPDATE_TRANSCRIPTS") is { Length: > 0 })
            File.WriteAllText(Path.Combine(Transcript.SourceFolder(), "../../src/EstProv/pages", file), made);
        else Assert.That(made, Is.EqualTo(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "pages", file))));
    }

    [Test]
    public void Every_command_of_the_help_has_its_place_in_the_man_page()
    {
        var page = Page();
        foreach (var line in Run("--help").Split('\n').Where(static line => line.StartsWith("  ", StringComparison.Ordinal)
            && !line.StartsWith("  -", StringComparison.Ordinal)))
        {
            var name = line.Trim().Split("  ")[0].Split(' ').TakeWhile(static word => char.IsAsciiLetterLower(word[0]));
            Assert.That(page, Does.Contain($".SS {string.Join(' ', name).Replace("-", "\\-", StringComparison.Ordinal)} "));
        }
    }

    [TestCase("estprov st", 1, "status")]
    [TestCase("estprov cert ex", 2, "export")]
    [TestCase("estprov cert export --run", 3, "--runtime-dir")]
    [TestCase("estprov status --w", 2, "--watch")]
    [TestCase("estprov bootstrap create --self", 3, "--self-signed")]
    public void Bash_completes(string typed, int at, string expected)
    {
        var script = $"{Script()}\nCOMP_WORDS=({typed}); COMP_CWORD={at}; _estprov; printf '%s\\n' \"${{COMPREPLY[@]}}\"";
        var start = new ProcessStartInfo("bash", ["-euo", "pipefail", "-c", script])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var bash = Process.Start(start)!;
        var (output, error) = (bash.StandardOutput.ReadToEnd(), bash.StandardError.ReadToEnd());
        Assert.That(error, Is.Empty);
        Assert.That(output, Is.EqualTo(expected + "\n"));
    }

    private static string Page() => Made(static terminal => Manual.Write(terminal,
        OperatorCommand.Commands("1.2.3", TimeProvider.System, new FakeMachine())));

    private static string Script() => Made(static terminal => Completion.Write(terminal,
        OperatorCommand.Commands("1.2.3", TimeProvider.System, new FakeMachine())));

    private static string Made(Action<Terminal> write)
    {
        using var screen = new StringWriter { NewLine = "\n" };
        write(new Terminal(screen, screen, false, false));
        return screen.ToString();
    }

    private static string Run(params string[] arguments)
    {
        using var screen = new StringWriter { NewLine = "\n" };
        Assert.That(OperatorCommand.Run(arguments, new Terminal(screen, screen, false, false), "1.2.3", TimeProvider.System), Is.Zero);
        return screen.ToString();
    }
}
