using System.Text.Json;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov renew</c>.</summary>
internal static class RenewCommand
{
    private const string DefaultWait = "60s";

    private static readonly Option Now = new("--now", null, "do not wait for the time of a failed attempt's next try, nor for what a server asked for");

    private static readonly Option Wait = new("--wait", "TIME", $"how long to wait for the new certificate, 5m at most; default {DefaultWait}");

    public static readonly Command Renew = new()
    {
        Name = "renew",
        WordNames = "ID",
        Summary = "Has a certificate renewed before its time",
        Details = """
            It gets a new key, and the old certificate is served until the new one is proved.
            What was issued less than a minute ago (a hundredth of a short life) is not renewed.
            Exit code: 0 when there is a new certificate, in use or to be proved by its user; 1 when not (yet).
            """,
        Options = [Now, Wait, Option.RuntimeDir],
        Run = Run,
    };

    /// <summary>certd's own limit, which it would keep without a word.</summary>
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(5);

    /// <exception cref="UsageException">It is none, or longer than certd waits.</exception>
    public static TimeSpan WaitOf(CommandLine line, Option option, string otherwise)
    {
        var wait = Times.Parse(option.Name, line.Value(option.Name) ?? otherwise);
        return wait <= s_longestWait ? wait : throw new UsageException($"{option.Name} takes 5m at most; what takes longer goes on by itself");
    }

    private static int Run(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var id = line.Words[0];
        var answer = daemons.Renew(id, line.Has(Now.Name), WaitOf(line, Wait, DefaultWait));
        switch (Json.Text(answer, "state"))
        {
            case "current":
                terminal.Line($"{id} is renewed and in use");
                return 0;
            case "staged":
                terminal.Line($"{id} is renewed; it comes into use as soon as it has been accepted where it is used");
                return 0;
            default:
                WriteProblem(terminal, answer, $"{id} is being renewed and not there yet");
                return 1;
        }
    }

    /// <summary>The problem of an answer <c>pending</c>; where there is none yet, what is said instead.</summary>
    public static void WriteProblem(Terminal terminal, JsonElement answer, string otherwise)
    {
        var problem = Json.Member(answer, "problem");
        terminal.Flush();
        if (Json.Text(problem, "message") is { } message) terminal.Error(message, Json.Text(problem, "hint") ?? "");
        else terminal.Error(otherwise, "it goes on by itself: estprov status");
    }
}
