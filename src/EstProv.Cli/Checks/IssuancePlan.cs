using System.Text.Json;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;

namespace EstProv.Cli.Checks;

/// <summary><c>check --explain-issuance</c>: what certd would do for a certificate, and does not.</summary>
internal static class IssuancePlan
{
    /// <returns>The exit code.</returns>
    public static int Show(DaemonClients daemons, Terminal terminal, string id, bool asJson)
    {
        var plan = daemons.Ask("certd", $"/credentials/{Uri.EscapeDataString(id)}/plan");
        var problem = Json.Problem(plan);
        if (asJson)
        {
            JsonText.Write(terminal, json =>
            {
                foreach (var member in plan.EnumerateObject()) member.WriteTo(json);
            });
            return problem is null ? 0 : 1;
        }

        terminal.Line(terminal.Strong($"{id}, step by step; nothing is done"));
        foreach (var step in Steps(plan)) terminal.Line($"  {Json.Text(step, "step"),-10} {Json.Text(step, "plan")}");
        terminal.Flush();
        if (problem is null) return 0;
        terminal.Error(problem);
        return 1;
    }

    /// <summary>Null where the plan has no such step.</summary>
    public static string? Step(JsonElement plan, string name)
    {
        foreach (var step in Steps(plan))
        {
            if (Json.Text(step, "step") == name) return Json.Text(step, "plan");
        }

        return null;
    }

    private static JsonElement.ArrayEnumerator Steps(JsonElement plan) =>
        Json.Member(plan, "steps") is { ValueKind: JsonValueKind.Array } steps ? steps.EnumerateArray() : default;
}
