using System.Text;
using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Configuration.Redacted;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov support-bundle</c>: one text file for whoever is to help, which can be read before it is sent.</summary>
internal sealed class SupportBundleCommand(TimeProvider time, string version, Machine machine)
{
    private const int MostLog = 512 * 1024;

    /// <summary>Nothing in it comes from outside.</summary>
    private const string Journal =
        "journalctl --no-pager --output=short-iso --lines=2000 --unit=estprov-keyd --unit=estprov-certd --unit=estprov-identityd 2>&1 | tail -c 524288";

    private const string System = "uname -srm; cat /etc/os-release; uptime; openssl version 2>&1; systemctl --no-pager --full status 'estprov-*' 2>&1";

    public Command Command => new()
    {
        Name = "support-bundle",
        WordNames = "FILE",
        Summary = "Writes all that helps to find a fault into one text file",
        Details = """
            Versions, checks, state, plans, metrics, changes, configuration and log. No keys, PINs, passwords or
            tokens: of the configuration only what is known to be harmless, of keyd nothing but names. Host names,
            URLs and certificates are in it: read it before you send it.
            """,
        Options = [Option.ConfigDir, Option.RuntimeDir],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var folder = line.Value(Option.ConfigDir.Name) ?? Option.DefaultConfigDir;
        using var text = new StringWriter { NewLine = "\n" };
        var inner = new Terminal(text, text, outputColour: false, errorColour: false);
        inner.Line($"estprov {version}, {time.GetUtcNow().UtcDateTime:yyyy-MM-dd HH:mm:ss}Z");
        Section(text, "system");
        text.Write(machine.OutputOf(System, MostLog));
        Section(text, "check");
        var findings = new Findings(inner, asJson: false);
        CheckCommand.Look(new CheckContext(findings, daemons, machine, time.GetUtcNow()) { Folder = folder, Version = version },
            offline: false);
        findings.Finish();
        foreach (var daemon in CheckContext.Names)
        {
            Section(text, $"{daemon}: configuration");
            RedactedConfiguration.Write(text, daemon, Path.Combine(folder, daemon + ".toml"), Path.Combine(folder, daemon + ".d"));
            Section(text, $"{daemon}: metrics");
            Answer(text, () => daemons.Metrics(daemon));
        }

        Section(text, "identityd: status");
        Answer(text, () => $"{daemons.ProvisioningStatus()}");
        Section(text, "identityd: changes");
        Answer(text, () => $"{daemons.IdentitydChanges(0)}");
        Section(text, "certd: certificates");
        Answer(text, () => Certificates(daemons));
        Section(text, "certd: changes");
        Answer(text, () => $"{daemons.CertdChanges(0)}");
        Section(text, "log");
        text.Write(machine.OutputOf(Journal, MostLog));
        ResultFile.Write(line.Words[0], Encoding.UTF8.GetBytes(text.ToString()), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        terminal.Line($"{line.Words[0]} is written, for your eyes alone; read it before you send it");
        return 0;
    }

    private static string Certificates(DaemonClients daemons)
    {
        var text = new StringBuilder();
        foreach (var credential in daemons.Credentials().EnumerateArray())
        {
            text.Append(credential.ToString()).Append('\n');
            if (Json.Text(credential, "id") is not { } id || Json.Text(credential, "notAfter") is null) continue;
            try
            {
                text.Append(daemons.Certificate(id));
            }
            catch (ProblemException problem)
            {
                text.Append(problem.ToTerminalText()).Append('\n');
            }
        }

        return text.ToString();
    }

    private static void Section(StringWriter text, string name) => text.Write($"\n==== {name}\n");

    /// <summary>What cannot be had is no reason not to have the rest.</summary>
    private static void Answer(StringWriter text, Func<string> question)
    {
        try
        {
            text.Write(question() + "\n");
        }
        catch (ProblemException problem)
        {
            text.Write(problem.ToTerminalText() + "\n");
        }
    }
}
