using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Platform;

namespace EstProv.Cli.Checks;

/// <summary><c>daemons</c>, <c>token</c> and <c>clock</c>.</summary>
internal static class DaemonChecks
{
    public static void Run(CheckContext on)
    {
        foreach (var daemon in CheckContext.Names)
        {
            if (Ask(on, "daemons", daemon, "/version") is not { } answer) continue;
            var version = Json.Text(answer, "version") ?? "?";
            if (version == on.Version) on.Findings.Pass("daemons", $"estprov-{daemon} {version}");
            else on.Findings.Warn("daemons", "version_differs", $"estprov-{daemon} is {version}, this command is {on.Version}",
                $"systemctl restart estprov-{daemon}");
        }

        if (Ask(on, "token", "keyd", "/token", silent: true) is { } token)
        {
            var model = Json.Text(token, "model") is { Length: > 0 } name ? $" (model {name}, serial {Json.Text(token, "serial")})" : "";
            on.Findings.Pass("token", $"keys are in {Json.Text(token, "store")}{model}");
        }

        Clock(on);
    }

    /// <param name="silent">That the daemon cannot be reached has been said.</param>
    private static System.Text.Json.JsonElement? Ask(CheckContext on, string check, string daemon, string path, bool silent = false)
    {
        try
        {
            return on.Daemons.Ask(daemon, path);
        }
        catch (ProblemException problem)
        {
            if (!silent || problem.Code != daemon + "_unreachable") on.Findings.Refused(check, problem);
            return null;
        }
    }

    private static void Clock(CheckContext on)
    {
        string metrics;
        try
        {
            metrics = on.Daemons.Metrics("certd");
        }
        catch (ProblemException)
        {
            // Said where the daemons are looked at.
            return;
        }

        if (metrics.Contains("\nestprov_clock_believed 0\n", StringComparison.Ordinal))
        {
            on.Findings.Warn("clock", "clock_behind", $"the clock says {Times.Shown(on.Now)}, which cannot be: later times have been seen",
                "set it, or let a time service do so; until then nothing is judged expired");
        }
        else
        {
            on.Findings.Pass("clock", Times.Shown(on.Now));
        }
    }
}
