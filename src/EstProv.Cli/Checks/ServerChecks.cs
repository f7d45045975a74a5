using System.Text.Json;
using EstProv.Cli.Daemons;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Cli.Checks;

/// <summary><c>est</c> and <c>cloud</c>: which credential goes where, and whether the servers answer. The daemons ask them, as they do in
/// earnest.</summary>
/// <param name="offline">No server is asked.</param>
internal sealed class ServerChecks(CheckContext on, bool offline)
{
    /// <summary>A connection that nobody answers takes its time.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly List<string> _asked = [];

    public void Run()
    {
        foreach (var id in Ids()) Est(id);
        Cloud();
    }

    /// <summary>What comes over EST: the identities first, as the others are got with them.</summary>
    private List<string> Ids()
    {
        var ids = new List<string>();
        if (on.Certd is not { } certd) return ids;
        if (certd.Est?.IdentityCert is { } shared) ids.Add(shared);
        foreach (var (id, issuance) in certd.Issuance)
        {
            if (issuance.Method != IssuanceMethod.Est) continue;
            if (issuance.Auth?.IdentityCert is { } own && !ids.Contains(own)) ids.Add(own);
            if (!ids.Contains(id)) ids.Add(id);
        }

        return ids;
    }

    private void Est(string id)
    {
        try
        {
            var plan = on.Daemons.Ask("certd", $"/credentials/{Uri.EscapeDataString(id)}/plan");
            var (url, identity) = (IssuancePlan.Step(plan, "url"), IssuancePlan.Step(plan, "identity"));
            if (Json.Problem(plan) is { } problem)
            {
                on.Findings.Error("est", problem.Code, $"{id}: {problem.Message}", problem.Hint);
            }
            else
            {
                on.Findings.Pass("est", $"{id}: {url} with {identity}");
            }

            if (offline || url is null || _asked.Contains(url)) return;
            _asked.Add(url);
            Answers("est", url, on.Daemons.Ask("certd", $"/credentials/{Uri.EscapeDataString(id)}/try", "POST", wait: Patience),
                $"'estprov renew {id}' has certd show its certificate, and verify the server");
        }
        catch (ProblemException problem)
        {
            if (problem.Code != "certd_unreachable") on.Findings.Refused("est", problem);
        }
    }

    /// <param name="inEarnest">How to have the server verified by the daemon, which shows what it wants.</param>
    private void Answers(string check, string? url, JsonElement answer, string inEarnest)
    {
        if (Json.Member(answer, "verified").ValueKind is JsonValueKind.False)
        {
            on.Findings.Warn(check, "server_unverified", $"{url} wants a client certificate before it can be verified: it may be anybody",
                $"nothing is shown to a server by this check; {inEarnest}. With TLS 1.3 it could be verified here");
        }
        else if (Json.Problem(answer) is { } problem)
        {
            on.Findings.Warn(check, problem.Code, $"{url} is verified, but not well: {problem.Message}", problem.Hint);
        }
        else
        {
            on.Findings.Pass(check, Json.Member(answer, "wantsCredential").ValueKind is JsonValueKind.True
                ? $"{url} is verified, and wants to know first who asks" : $"{url} answers and is verified");
        }
    }

    private void Cloud()
    {
        JsonElement status;
        try
        {
            status = on.Daemons.ProvisioningStatus();
        }
        catch (ProblemException unknown)
        {
            // That it cannot be reached was said.
            if (unknown.Code != "identityd_unreachable") on.Findings.Refused("cloud", unknown);
            return;
        }

        if (Json.Problem(status) is { } problem) on.Findings.Error("cloud", problem);
        else if (Json.Text(status, "state") != "provisioned")
            on.Findings.Warn("cloud", "not_provisioned", $"not provisioned: waiting for {Json.Text(status, "waitingFor") ?? "its start"}",
                "follow it with 'estprov provision --wait'");
        else on.Findings.Pass("cloud", $"provisioned{(Json.Text(status, "hub") is { } hub ? $" at {hub}" : "")} as {Json.Text(status, "device")}");
        if (offline || Json.Text(status, "source") == "none") return;
        try
        {
            foreach (var server in Json.Member(on.Daemons.Ask("identityd", "/cloud/try", "POST", wait: Patience), "servers")
                .EnumerateArray())
            {
                var url = Json.Text(server, "url");
                if (Json.Problem(server) is { } silent) on.Findings.Error("cloud", silent);
                else Answers("cloud", url, server, "'estprov reprovision' has identityd show its certificate, and verify the server");
            }
        }
        catch (ProblemException refused)
        {
            on.Findings.Refused("cloud", refused);
        }
    }
}
