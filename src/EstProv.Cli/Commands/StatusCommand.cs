using System.Globalization;
using System.Text.Json;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov status</c>: whether the device is provisioned, and its certificates.</summary>
internal sealed class StatusCommand(TimeProvider time)
{
    public Command Command => new()
    {
        Name = "status",
        Summary = "Shows whether the device is provisioned, and its certificates",
        Details = """
            The table: what each certificate is, when it expires, and from which URL it came with which credential.
            Exit code: 0 when the device is provisioned, 1 when it is not or cannot be asked.
            """,
        Options = [Option.Json, Option.RuntimeDir],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var problems = new List<ProblemException>();
        var provisioning = Ask(daemons.ProvisioningStatus, problems);
        var credentials = Ask(daemons.Credentials, problems);
        var provisioned = Json.Text(provisioning, "state") == "provisioned";
        if (line.Has(Option.Json.Name))
        {
            WriteJson(terminal, provisioning, credentials, problems);
            return provisioned ? 0 : 1;
        }

        if (provisioning.ValueKind is JsonValueKind.Object) WriteProvisioning(terminal, provisioning, provisioned);
        if (credentials.ValueKind is JsonValueKind.Array && credentials.GetArrayLength() > 0) WriteCredentials(terminal, credentials);
        terminal.Flush();
        WriteProblem(terminal, Json.Member(provisioning, "problem"), "");
        if (credentials.ValueKind is JsonValueKind.Array)
        {
            foreach (var credential in credentials.EnumerateArray()) WriteProblem(terminal, Json.Member(credential, "problem"), Json.Text(credential, "id") + ": ");
        }

        foreach (var problem in problems) terminal.Error(problem);
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

    private static void WriteProvisioning(Terminal terminal, JsonElement status, bool provisioned)
    {
        terminal.Line(provisioned ? $"{terminal.Good("provisioned")} since {Json.Text(status, "since")}" : terminal.Bad("not provisioned"));
        // One that is configured is known before.
        if (Json.Text(status, "hub") is { } hub) terminal.Line($"  hub      {hub}");
        if (Json.Text(status, "device") is { } device) terminal.Line($"  device   {device}");
        if (Json.Text(status, "gateway") is { } gateway) terminal.Line($"  gateway  {gateway}");
        terminal.Line($"  from     {From(status)}");
        if (Json.Text(status, "waitingFor") is { } waiting) terminal.Line($"  waiting  for {waiting}");
        terminal.Line();
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

    private void WriteCredentials(Terminal terminal, JsonElement credentials)
    {
        var table = new Table("CERTIFICATE", "STATE", "SUBJECT", "ISSUER", "KEY", "EXPIRES", "FROM", "WITH");
        var now = time.GetUtcNow();
        foreach (var credential in credentials.EnumerateArray())
        {
            var expires = Json.Time(credential, "notAfter");
            var state = Json.Text(credential, "state") ?? "";
            Func<string, string> paint = expires < now ? terminal.Bad : state is "current" or "preloaded" or "issued" or "imported" ? terminal.Good : terminal.Warn;
            table.Add(paint, Or(credential, "id"), state, Or(credential, "subject"), Or(credential, "issuer"), Or(credential, "keyAlgorithm"),
                expires is { } end ? Expiry(end, now) : "–", Or(credential, "url"), Or(credential, "credential"));
        }

        table.Write(terminal);
    }

    private static string Or(JsonElement credential, string name) => Json.Text(credential, name) is { Length: > 0 } text ? text : "–";

    private static string Expiry(DateTimeOffset end, DateTimeOffset now)
    {
        var left = end - now;
        var words = left < TimeSpan.Zero ? "expired" : left.TotalDays >= 2 ? $"{(int)left.TotalDays} days" : left.TotalHours >= 2 ? $"{(int)left.TotalHours} hours" : $"{Math.Max(1, (int)left.TotalMinutes)} min";
        return $"{end.UtcDateTime.ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture)} ({words})";
    }

    private static void WriteProblem(Terminal terminal, JsonElement problem, string about)
    {
        if (Json.Text(problem, "message") is { } message) terminal.Error(about + message, Json.Text(problem, "hint") ?? "");
    }

    /// <summary><c>provisioning</c> and <c>credentials</c> as the daemons have them (null where one could not be asked), <c>problems</c> of asking.</summary>
    private static void WriteJson(Terminal terminal, JsonElement provisioning, JsonElement credentials, List<ProblemException> problems)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            Write(json, "provisioning", provisioning);
            Write(json, "credentials", credentials);
            json.WriteStartArray("problems");
            foreach (var problem in problems)
            {
                json.WriteStartObject();
                json.WriteString("message", problem.Message);
                json.WriteString("hint", problem.Hint);
                json.WriteString("code", problem.Code);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        terminal.Line(System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    private static void Write(Utf8JsonWriter json, string name, JsonElement value)
    {
        json.WritePropertyName(name);
        if (value.ValueKind is JsonValueKind.Undefined) json.WriteNullValue();
        else value.WriteTo(json);
    }
}
