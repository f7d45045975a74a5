using EstProv.Identity.Provisioning;
using EstProv.LocalApi.Server;

namespace EstProv.Identity.Api;

/// <summary>
/// <c>POST /cloud/try</c>, for those who manage identities: asks DPS and the hub whether they answer, and tells
/// <c>{"servers":[{"url","verified","wantsCredential"?,"problem"?}]}</c>.
/// </summary>
internal sealed class CloudRoute(CloudReach reach, IdentityRights rights, ProvisioningStatus status)
{
    public void Map(LocalServer server) => server.Map("POST", "/cloud/try", ApiVersions.All, Try, new RouteOptions { Waits = true });

    private void Try(LocalRequest request, LocalResponse response)
    {
        rights.RequireManager(request.Peer, "have DPS and the hub asked");
        var servers = reach.Servers(status.Now.Provisioned);
        var json = response.Json();
        json.WriteStartObject();
        json.WriteStartArray("servers"u8);
        foreach (var url in servers)
        {
            var answered = reach.AskAsync(url, request.Stopping).GetAwaiter().GetResult();
            json.WriteStartObject();
            json.WriteString("url"u8, url.AbsoluteUri);
            json.WriteBoolean("verified"u8, answered.IsVerified);
            if (answered.WantsCredential) json.WriteBoolean("wantsCredential"u8, true);
            if (answered.Problem is { } problem) StatusJson.WriteProblem(json, problem);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
