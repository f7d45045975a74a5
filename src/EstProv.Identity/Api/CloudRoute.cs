using EstProv.Identity.Provisioning;
using EstProv.LocalApi.Server;

namespace EstProv.Identity.Api;

/// <summary>
/// <c>POST /cloud/try</c>, for those who manage identities: asks DPS and the hub whether they answer, and tells
/// <c>{"servers":[{"url","verified","problem"?}]}</c>.
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
            var problem = reach.AskAsync(url, request.Stopping).GetAwaiter().GetResult();
            json.WriteStartObject();
            json.WriteString("url"u8, url.AbsoluteUri);
            // Whether it is the right one, TLS with a client certificate tells.
            json.WriteBoolean("verified"u8, problem is null);
            if (problem is not null && !CloudReach.WantsCertificate(problem)) StatusJson.WriteProblem(json, problem);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
