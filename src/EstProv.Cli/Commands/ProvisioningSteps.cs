using System.Globalization;
using System.Text.Json;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary>Puts the changes of two daemons into one story, in the order of time.</summary>
internal sealed class ProvisioningSteps(DaemonClients daemons, Terminal terminal)
{
    private ProblemException? _certdIsAbsent;
    private ProblemException? _identitydIsAbsent;
    private long _certd;
    private long _identityd;

    /// <summary>What failed last and has not been mended since.</summary>
    public ProblemException? Last { get; private set; }

    public string WaitingFor { get; private set; } = "the daemons";

    /// <summary>Shows what has happened since the last look; true when the device is provisioned.</summary>
    public bool Look()
    {
        // Asked first, so that all changes that led to it are seen after it.
        var status = Ask(ref _identitydIsAbsent, daemons.ProvisioningStatus);
        var changes = new List<Change>();
        // identityd's first: where both happened in one millisecond, it was its answer that had certd go on.
        if (Ask(ref _identitydIsAbsent, () => daemons.IdentitydChanges(_identityd)) is { ValueKind: JsonValueKind.Object } fromIdentityd) _identityd = Change.Read(fromIdentityd, changes, _identityd);
        if (Ask(ref _certdIsAbsent, () => daemons.CertdChanges(_certd)) is { ValueKind: JsonValueKind.Object } fromCertd) _certd = Change.Read(fromCertd, changes, _certd);
        foreach (var change in changes.OrderBy(static change => change.Time)) Show(change);

        WaitingFor = Json.Text(status, "waitingFor") ?? WaitingFor;
        if (Json.Problem(status) is { } problem) Last = problem;
        // What identityd does not name any more is mended; that certd is not there it does not know.
        else if (status.ValueKind is JsonValueKind.Object) Last = _certdIsAbsent;
        if (Json.Text(status, "state") != "provisioned")
        {
            terminal.Flush();
            return false;
        }

        terminal.Line(Result(terminal, status));
        return true;
    }

    public static string Result(Terminal terminal, JsonElement status)
        => $"{terminal.Good("provisioned")}: {(Json.Text(status, "hub") is { } hub ? $"hub {hub}, " : "")}device " +
            $"{Json.Text(status, "device")}";

    /// <param name="absent">Why this daemon did not answer the last time; null where it did.</param>
    private JsonElement Ask(ref ProblemException? absent, Func<JsonElement> question)
    {
        try
        {
            var answer = question();
            if (absent is not null && ReferenceEquals(Last, absent)) Last = null;
            absent = null;
            return answer;
        }
        catch (ProblemException problem)
        {
            Last = problem;
            var isKnown = absent?.Code == problem.Code;
            absent = problem;
            if (!isKnown) terminal.Line($"{terminal.Faint("        ")}  waiting: {problem.Message}");
            return default;
        }
    }

    private void Show(Change change)
    {
        var text = Words(change);
        if (text is null) return;
        terminal.Line($"{terminal.Faint(change.Time.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture))}  {change.Subject,-14}  {text}");
        if (change.Kind == "failed" && change.Field("hint") is { Length: > 0 } hint) terminal.Line($"{"",-10}{"",-16}{terminal.Strong("hint:")} {hint}");
    }

    private string? Words(Change change) => change.Kind switch
    {
        "issued" => $"{terminal.Good("issued")} from {change.Field("url")} with {Credential(change)} in {Seconds(change)} s ({change.Field("subjectName")}, issuer {change.Field("issuer")}, {change.Field("key")}, until {change.Field("notAfter")})",
        "failed" => $"{terminal.Bad("failed")}, attempt {change.Field("attempt")}, next in {change.Field("retrySeconds")} s: {change.Field("message")}",
        "pending" => $"{terminal.Warn("pending")} at {change.Field("url")} with {Credential(change)}: the server asks to come back in {change.Field("retrySeconds")} s",
        "staged" => "staged, to be proved",
        "proved" => change.Field("where") is { Length: > 0 } where ? $"proved: {where}" : "proved",
        "committed" => "in use",
        "bootstrap" => $"{terminal.Warn("audit")}: the bootstrap identity is used at {change.Field("url")}: {change.Field("reason")}",
        "registering" => $"registering at {change.Field("url")} with {change.Field("credential")}, attempt {change.Field("attempt")}",
        "proving" => $"showing {change.Field("credential")} to {change.Field("url")}, attempt {change.Field("attempt")}",
        "reassigned" => $"{terminal.Warn("moved")} from hub {change.Field("hubBefore")} to {change.Field("hub")}",
        "assigned" when change.Field("hub").Length == 0
            => $"{terminal.Good("provisioned")} without a cloud, with {change.Field("credential")}",
        "assigned" => $"{terminal.Good("registered")} at {change.Field("url")} with {change.Field("credential")} in {Seconds(change)} s",
        _ => null,
    };

    private static string Credential(Change change) => change.Field("credential") is { Length: > 0 } credential ? credential : "no credential";

    private static string Seconds(Change change) => change.Field("seconds");
}
