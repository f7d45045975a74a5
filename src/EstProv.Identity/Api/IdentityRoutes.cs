using System.Globalization;
using System.Text.Json;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Provisioning;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// The Identity Service's routes (azure.github.io/iot-identity-service, "Identity Service"), and <c>GET /provisioning-status</c> for the
/// operator's command, open to everyone who may open the socket.
/// </summary>
internal sealed class IdentityRoutes(
    ProvisioningSettings settings,
    IdentityRights rights,
    ProvisioningStatus status,
    Func<int> reprovision,
    DeviceAnswer device,
    ModuleRoutes modules,
    Func<string> trustBundle)
{
    /// <summary>How long a wish to register again may hold its answer.</summary>
    private static readonly TimeSpan ReprovisionWait = TimeSpan.FromSeconds(60);

    public void Map(LocalServer server)
    {
        server.Map("GET", "/identities/provisioning", ApiVersions.All, GetProvisioning);
        server.Map("GET", "/identities/identity", ApiVersions.All, GetOwnIdentity, ModuleRoutes.Slow);
        server.Map("POST", "/identities/device", ApiVersions.All, PostDevice);
        server.Map("POST", "/identities/device/reprovision", ApiVersions.All, PostReprovision, new RouteOptions { Waits = true });
        server.Map("GET", "/identities/trustBundle", ApiVersions.All, GetTrustBundle);
        server.Map("GET", "/provisioning-status", ApiVersions.All, GetStatus);
    }

    private void GetProvisioning(LocalRequest request, LocalResponse response)
    {
        rights.RequireAny(request.Peer, "see the provisioning settings");
        ProvisioningJson.Write(response.Json(), settings, status.Now.Provisioned);
    }

    private void GetOwnIdentity(LocalRequest request, LocalResponse response)
    {
        var (type, principal) = rights.Own(request.Peer);
        switch (type)
        {
            case IdentityRights.Module:
                modules.WriteOwnModule(request, response, principal);
                break;
            case IdentityRights.Local:
                modules.WriteOwnLocal(request, response, principal);
                break;
            default:
                device.Write(response);
                break;
        }
    }

    private void PostDevice(LocalRequest request, LocalResponse response)
    {
        rights.RequireDevice(request.Peer, "get the device's identity");
        RequireType(request);
        device.Write(response);
    }

    private void PostReprovision(LocalRequest request, LocalResponse response)
    {
        rights.RequireManager(request.Peer, "have the device registered again");
        RequireType(request);
        var number = reprovision();
        var now = status.WaitUntil(now => now.Reprovisions >= number, ReprovisionWait, request.Stopping);
        if (now.Reprovisions < number)
        {
            throw new ProblemException("reprovision_pending", $"the registration is still under way: {now.WaitingFor}",
                "follow it with 'estprov status'", 503);
        }

        if (now.Problem is { } problem)
            throw new ProblemException(problem.Code, problem.Message, problem.Hint, 503) { RetryAfter = problem.RetryAfter };
        response.NoContent();
    }

    private void GetTrustBundle(LocalRequest request, LocalResponse response)
    {
        var pem = trustBundle();
        var json = response.Json();
        json.WriteStartObject();
        json.WriteString("certificate"u8, pem);
        json.WriteEndObject();
    }

    private void GetStatus(LocalRequest request, LocalResponse response) => StatusJson.Write(response.Json(), settings, status.Now);

    /// <summary>The body is <c>{"type":"aziot"}</c>.</summary>
    private static void RequireType(LocalRequest request)
    {
        var reader = request.Json();
        string? other = null;
        var isAziot = false;
        if (!reader.Read() || reader.TokenType is not JsonTokenType.StartObject) throw request.MissingField("type");
        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            reader.Read();
            if (isType && reader.TokenType is JsonTokenType.String)
            {
                isAziot = reader.ValueTextEquals("aziot"u8);
                other = isAziot ? null : reader.GetString();
            }
            else
            {
                reader.Skip();
            }
        }

        if (reader.Read()) throw request.MissingField("type");
        if (isAziot) return;
        throw other is null ? request.MissingField("type") : UnknownType(other, "'aziot'");
    }

    /// <summary>What to throw for a type of identity that there is not.</summary>
    internal static ProblemException UnknownType(string type, string known)
        => new("identity_type", string.Create(CultureInfo.InvariantCulture, $"identities of the type '{Shown(type)}' are not known"),
            $"ask for the type {known}", 400);

    private static string Shown(string text) => text.Length <= 32 ? text.ReplaceLineEndings(" ") : text[..32].ReplaceLineEndings(" ") + "…";
}
