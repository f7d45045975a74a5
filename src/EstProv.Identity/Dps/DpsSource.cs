using EstProv.Configuration.Identityd;
using EstProv.Est.Transport;
using EstProv.Identity.Provisioning;
using EstProv.Identity.Sas;
using EstProv.Keys.Client;
using EstProv.Platform;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Dps;

/// <summary>
/// <c>source = "dps"</c>: one registration from a credential to an assignment: the anchors for DPS from the Certificates Service, a TLS
/// client whose key stays in the Key Service, or tokens signed there, the registration. Nothing of it stays in memory afterwards.
/// </summary>
internal sealed class DpsSource(
    DpsProvisioning settings,
    CloudTrust trust,
    IdentityOpener open,
    SymmetricKeyClient keys,
    ProxyChoice? proxies,
    BelievedClock clock,
    ILogger logger) : IProvisioningSource
{
    /// <summary>What DPS wants a token's key to be called.</summary>
    private const string KeyName = "registration";

    public ProvisioningSettings Settings => settings;

    public string Place => settings.GlobalEndpoint.Value.AbsoluteUri;

    public string? CommonName => settings.RegistrationId;

    public bool KeepsRefused => false;

    public Assignment? Known => null;

    public string NameOf(ShownCredential shown) => settings.RegistrationId ?? ((DeviceCredential)shown).CommonName();

    /// <exception cref="ProblemException">
    /// DPS's (<see cref="DpsCodes"/>, <c>dps_tls_*</c>), the payload's, the Certificates Service's or the Key Service's.
    /// </exception>
    public async Task<Assignment> ProveAsync(ShownCredential shown, string name, CancellationToken cancel)
    {
        var request = new DpsRequest
        {
            Endpoint = settings.GlobalEndpoint.Value,
            ScopeId = settings.ScopeId,
            RegistrationId = name,
            Credential = shown.Description,
            UnauthorizedHint = UnauthorizedHint(shown),
            Payload = settings.PayloadFile is { } file ? DpsPayload.Read(file) : null,
        };
        var anchors = await trust.ReadAsync("DPS", cancel);
        try
        {
            using var identity = shown.Open(open, clock);
            var server = new TlsServer
            {
                Url = request.Endpoint,
                Trust = anchors,
                Clock = clock,
                ClientCertificate = identity?.Context,
                Timeout = DpsClient.ExchangeTimeout,
                Proxies = proxies,
                Credential = shown.Id,
                Kind = "a DPS endpoint",
                Codes = DpsCodes.Codes,
            };
            var token = shown is DeviceKey key
                ? new ResourceToken($"{settings.ScopeId}/registrations/{name}", key.Id, KeyName, keys, clock) : null;
            using var client = new DpsClient(server, token, logger);
            return await client.RegisterAsync(request, cancel);
        }
        finally
        {
            foreach (var anchor in anchors.Anchors) anchor.Dispose();
        }
    }

    private string UnauthorizedHint(ShownCredential shown) => shown is DeviceCredential credential
        ? $"enrol the certificate's issuer ({credential.Leaf.Issuer}) in DPS's enrolment group, or the certificate itself; the " +
            $"registration id must equal the certificate's common name, and " +
            $"scope_id '{settings.ScopeId}' must be that of this DPS"
        : $"keyd's key '{shown.Id}' must be that of the enrolment; of a group's enrolment the one that is derived for this registration " +
            $"id (HMAC-SHA256 of the id with the group's key); and scope_id " +
            $"'{settings.ScopeId}' must be that of this DPS";
}
