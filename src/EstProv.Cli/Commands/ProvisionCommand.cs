using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov provision</c>: provisioning goes by itself; this follows it.</summary>
internal sealed class ProvisionCommand(TimeProvider time)
{
    private const double DefaultTimeout = 600;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly Option Wait = new("--wait", null, "follow it step by step until the device is provisioned");

    private static readonly Option Timeout = new("--timeout", "TIME", "give up waiting after this time, such as 90s or 10m; default 600s");

    public Command Command => new()
    {
        Name = "provision",
        Summary = "Follows the provisioning of the device",
        Details = """
            Provisioning goes by itself from the daemons' start on. With --wait each step is shown: which certificate, from which URL, with which
            credential, how long it took; without, only whether it is done.
            Exit code: 0 when the device is provisioned, 1 when it is not, or not in time.
            """,
        Options = [Wait, Timeout, Option.RuntimeDir],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        var seconds = line.Value(Timeout.Name) is { } text ? Times.Parse(Timeout.Name, text).TotalSeconds : DefaultTimeout;
        if (line.Has(Timeout.Name) && !line.Has(Wait.Name)) throw new UsageException($"{Timeout.Name} goes with {Wait.Name}");
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        if (!line.Has(Wait.Name)) return Say(terminal, daemons.ProvisioningStatus());

        var steps = new ProvisioningSteps(daemons, terminal);
        var begun = time.GetTimestamp();
        while (true)
        {
            var done = steps.Look();
            if (done) return 0;
            if (time.GetElapsedTime(begun).TotalSeconds >= seconds) break;
            Thread.Sleep(Pause);
        }

        throw steps.Last is { } last
            ? new ProblemException(last.Code, $"not provisioned after {seconds:0.#} s: {last.Message}", last.Hint)
            : new ProblemException("not_provisioned", $"not provisioned after {seconds:0.#} s: still waiting for {steps.WaitingFor}", "see 'estprov status'; provisioning goes on");
    }

    private static int Say(Terminal terminal, System.Text.Json.JsonElement status)
    {
        if (Json.Text(status, "state") == "provisioned")
        {
            terminal.Line(ProvisioningSteps.Result(terminal, status));
            return 0;
        }

        var problem = Json.Member(status, "problem");
        throw new ProblemException("not_provisioned", $"not provisioned: waiting for {Json.Text(status, "waitingFor") ?? "its start"}"
            + (Json.Text(problem, "message") is { } message ? $"; last failure: {message}" : ""), Json.Text(problem, "hint") ?? "follow it with 'estprov provision --wait'");
    }
}
