using System.Text.Json;
using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov status</c>: whether the device is provisioned, and its certificates.</summary>
internal sealed class StatusCommand(TimeProvider time, Machine machine)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private static readonly Option Watch = new("--watch", null, "again every two seconds, until it is interrupted");

    public Command Command => new()
    {
        Name = "status",
        Summary = "Shows whether the device is provisioned, and its certificates",
        Details = """
            The table: what each certificate is, when it expires and is renewed, how its last attempt went, and from
            which URL it came with which credential.
            Exit code: 0 when the device is provisioned, 1 when it is not or cannot be asked.
            """,
        Options = [Option.Json, Watch, Option.RuntimeDir],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var asJson = line.Has(Option.Json.Name);
        if (!line.Has(Watch.Name)) return Show(daemons, terminal, asJson);
        while (true)
        {
            terminal.Clear();
            Show(daemons, terminal, asJson);
            terminal.Flush();
            machine.Pause(Pause);
        }
    }

    private int Show(DaemonClients daemons, Terminal terminal, bool asJson)
    {
        var problems = new List<ProblemException>();
        var provisioning = Ask(daemons.ProvisioningStatus, problems);
        var credentials = Ask(daemons.Credentials, problems);
        var token = Ask(() => daemons.Ask("keyd", "/token"), problems);
        var provisioned = Json.Text(provisioning, "state") == "provisioned";
        if (asJson)
        {
            WriteJson(daemons, terminal, provisioning, credentials, token, problems);
            return provisioned ? 0 : 1;
        }

        if (provisioning.ValueKind is JsonValueKind.Object) WriteProvisioning(terminal, provisioning, provisioned);
        if (Json.Text(token, "store") is { } store) terminal.Line($"  keys     in {store}");
        terminal.Line($"  daemons  {string.Join(", ", Array.ConvertAll(CheckContext.Names, daemon => $"{daemon} {VersionOf(daemons, daemon) ?? terminal.Bad("absent")}"))}");
        if (credentials.ValueKind is JsonValueKind.Array && credentials.GetArrayLength() > 0)
        {
            terminal.Line();
            CredentialTable.Write(terminal, credentials, time.GetUtcNow());
        }

        terminal.Flush();
        if (Json.Problem(provisioning) is { } problem) terminal.Error(problem);
        if (credentials.ValueKind is JsonValueKind.Array)
        {
            foreach (var credential in credentials.EnumerateArray())
            {
                if (Json.Problem(credential) is { } its) terminal.Error($"{Json.Text(credential, "id")}: {its.Message}", its.Hint);
            }
        }

        foreach (var asking in problems) terminal.Error(asking);
        return provisioned ? 0 : 1;
    }

    private static JsonElement Ask(Func<JsonElement> question, List<ProblemException> problems)
    {
        try
        {
            return question();
        }
        catch (ProblemException problem)
        {
            problems.Add(problem);
            return default;
        }
    }

    private static string? VersionOf(DaemonClients daemons, string daemon) => Json.Text(Ask(() => daemons.Ask(daemon, "/version"), []), "version");

    private static void WriteProvisioning(Terminal terminal, JsonElement status, bool provisioned)
    {
        terminal.Line(provisioned ? $"{terminal.Good("provisioned")} since {Json.Text(status, "since")}" : terminal.Bad("not provisioned"));
        // One that is configured is known before.
        if (Json.Text(status, "hub") is { } hub) terminal.Line($"  hub      {hub}");
        if (Json.Text(status, "device") is { } device) terminal.Line($"  device   {device}");
        if (Json.Text(status, "gateway") is { } gateway) terminal.Line($"  gateway  {gateway}");
        terminal.Line($"  from     {From(status)}");
        if (Json.Text(status, "waitingFor") is { } waiting) terminal.Line($"  waiting  for {waiting}");
    }

    /// <summary>
    /// The source and what is shown to it; an Identity Service of the release before knows DPS alone and does not name it.
    /// </summary>
    private static string From(JsonElement status)
    {
        var shown = Json.Text(status, "key") is { } key ? $"symmetric key {key}" : $"certificate {Json.Text(status, "certificate")}";
        switch (Json.Text(status, "source"))
        {
            case "manual":
                return $"the configuration ({shown})";
            case "none":
                return $"its own certificate, without a cloud ({shown})";
            default:
                var registration = Json.Text(status, "registrationId") is { } id ? $", registration id {id}" : "";
                return $"{Json.Text(status, "endpoint")} (scope {Json.Text(status, "scope")}{registration}, {shown})";
        }
    }

    /// <summary>What the README of this folder describes; programs rely on it.</summary>
    private static void WriteJson(
        DaemonClients daemons, Terminal terminal, JsonElement provisioning, JsonElement credentials, JsonElement token,
            List<ProblemException> problems) =>
        JsonText.Write(terminal, json =>
        {
            JsonText.Member(json, "provisioning", provisioning);
            JsonText.Member(json, "credentials", credentials);
            JsonText.Member(json, "token", token);
            json.WriteStartObject("daemons");
            foreach (var daemon in CheckContext.Names)
            {
                json.WriteString(daemon, VersionOf(daemons, daemon));
            }

            json.WriteEndObject();
            json.WriteStartArray("problems");
            foreach (var problem in problems)
            {
                json.WriteStartObject();
                JsonText.Members(json, problem);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
}
